// The part of the configuration that PocketSphinx's public headers read.
#ifndef DEFAULT_RADIX
#define DEFAULT_RADIX 12
#define HAVE_STDINT_H
#ifndef HAVE_LONG_LONG
#define HAVE_LONG_LONG
#endif
#define SIZEOF_LONG 8
#define SIZEOF_LONG_LONG 8
#endif
