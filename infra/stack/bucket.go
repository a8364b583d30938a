package stack

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/pipeline"
	"parley/shared/speech"
)

// Days after which S3 deletes temporary objects, in case the cleanup has not done so before.
const (
	workDays   = 7 // intermediate artefacts, which can be made again
	uploadDays = 2 // uploads, submitted or not
)

// corsAge is how long a browser may remember what the bucket allows, in seconds.
const corsAge = 3600

// bucketName returns the bucket's name. It is fixed in advance, so that the queue's policy can name
// the bucket before it exists, and the other stack can name it too.
func (s *system) bucketName() *string {
	return awscdk.Fn_Sub(jsii.String(s.names.bucket()+"-${AWS::AccountId}-${AWS::Region}"), nil)
}

func (s *system) bucketARN() *string {
	return awscdk.Fn_Sub(jsii.String("arn:${AWS::Partition}:s3:::"+s.names.bucket()+"-${AWS::AccountId}-${AWS::Region}"), nil)
}

// addBucket adds the bucket of recordings and artefacts. It is a plain CfnBucket, which can have
// the notification to a queue in its own definition; the L2 construct would add a function to set
// it.
func (s *system) addBucket() {
	bucket := awss3.NewCfnBucket(s.state, jsii.String("Bucket"), &awss3.CfnBucketProps{
		BucketName: s.bucketName(),
		PublicAccessBlockConfiguration: &awss3.CfnBucket_PublicAccessBlockConfigurationProperty{
			BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true,
		},
		OwnershipControls: &awss3.CfnBucket_OwnershipControlsProperty{
			Rules: []any{&awss3.CfnBucket_OwnershipControlsRuleProperty{ObjectOwnership: jsii.String("BucketOwnerEnforced")}},
		},
		BucketEncryption: &awss3.CfnBucket_BucketEncryptionProperty{
			ServerSideEncryptionConfiguration: []any{&awss3.CfnBucket_ServerSideEncryptionRuleProperty{
				ServerSideEncryptionByDefault: &awss3.CfnBucket_ServerSideEncryptionByDefaultProperty{SseAlgorithm: jsii.String("AES256")},
			}},
		},
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: []any{
			expire("work", pipeline.WorkPrefix, workDays),
			expire("upload", pipeline.UploadPrefix, uploadDays),
		}},
		CorsConfiguration: s.cors(),
	})
	bucket.ApplyRemovalPolicy(s.removal(), nil)
	if !s.props.Adopt {
		s.notify(bucket)
		s.refusePlainHTTP(bucket)
	}
	s.output("Bucket", s.bucketName(), "")
}

// cors lets pages post a presigned form to the bucket. If no origins are named, any page may: the
// form itself is what permits the upload.
func (s *system) cors() *awss3.CfnBucket_CorsConfigurationProperty {
	origins := s.props.Origins
	if len(origins) == 0 {
		origins = []string{"*"}
	}
	return &awss3.CfnBucket_CorsConfigurationProperty{CorsRules: []any{&awss3.CfnBucket_CorsRuleProperty{
		AllowedMethods: jsii.Strings("POST"), AllowedOrigins: jsii.Strings(origins...), AllowedHeaders: jsii.Strings("*"),
		MaxAge: jsii.Number(corsAge),
	}}}
}

// notify makes the bucket send a message to the first stage for each new recording.
func (s *system) notify(bucket awss3.CfnBucket) {
	queue, _ := s.queues[string(speech.Ingest)].(awssqs.Queue)
	queue.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("BucketEvents"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("s3.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sqs:SendMessage"),
		Resources:  &[]*string{queue.QueueArn()},
		Conditions: &map[string]any{
			"ArnEquals":    map[string]any{"aws:SourceArn": s.bucketARN()},
			"StringEquals": map[string]any{"aws:SourceAccount": s.state.Account()},
		},
	}))
	bucket.SetNotificationConfiguration(&awss3.CfnBucket_NotificationConfigurationProperty{
		QueueConfigurations: []any{&awss3.CfnBucket_QueueConfigurationProperty{
			Event: jsii.String("s3:ObjectCreated:*"),
			Queue: queue.QueueArn(),
			Filter: &awss3.CfnBucket_NotificationFilterProperty{S3Key: &awss3.CfnBucket_S3KeyFilterProperty{
				Rules: []any{&awss3.CfnBucket_FilterRuleProperty{Name: jsii.String("prefix"), Value: jsii.String(pipeline.AudioPrefix)}},
			}},
		}},
	})
	// S3 sends a test message when the notification is set, and rejects a queue that does not allow
	// it.
	bucket.Node().AddDependency(queue.Node().FindChild(jsii.String("Policy")))
}

func (s *system) refusePlainHTTP(bucket awss3.CfnBucket) {
	awss3.NewCfnBucketPolicy(s.state, jsii.String("BucketPolicy"), &awss3.CfnBucketPolicyProps{
		Bucket: bucket.Ref(),
		PolicyDocument: awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Sid:        jsii.String("TLSOnly"),
				Effect:     awsiam.Effect_DENY,
				Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
				Actions:    jsii.Strings("s3:*"),
				Resources:  &[]*string{bucket.AttrArn(), below(bucket.AttrArn(), "")},
				Conditions: &map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
			}),
		}}),
	})
}

// below returns the ARN of all objects of a bucket below a prefix.
func below(bucket *string, prefix string) *string {
	return awscdk.Fn_Join(jsii.String(""), &[]*string{bucket, jsii.String("/" + prefix + "*")})
}

// objects returns the ARN of all objects below a prefix.
func (s *system) objects(prefix string) *string { return below(s.bucketARN(), prefix) }

func expire(id, prefix string, days float64) *awss3.CfnBucket_RuleProperty {
	return &awss3.CfnBucket_RuleProperty{
		Id: jsii.String(id), Prefix: jsii.String(prefix), Status: jsii.String("Enabled"),
		ExpirationInDays:               jsii.Number(days),
		AbortIncompleteMultipartUpload: &awss3.CfnBucket_AbortIncompleteMultipartUploadProperty{DaysAfterInitiation: jsii.Number(1)},
	}
}
