// What PocketSphinx's configure step would find on 64-bit Linux with musl.
#include "pocketsphinx/sphinx_config.h"
#define HAVE_POPEN
#define HAVE_SNPRINTF
#define HAVE_SYS_STAT_H
#define HAVE_SYS_TYPES_H
#define HAVE_UNISTD_H
#define PS_USE_THREAD_LOCAL_RNG
