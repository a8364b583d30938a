package stack

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/pipeline"
	"parley/shared/speech"
)

// Days after which S3 deletes temporary objects, in case the cleanup has not done so before.
const (
	workDays   = 7 // intermediate artefacts, which can be made again
	uploadDays = 2 // uploads, submitted or not
)

// addBucket adds the bucket of recordings and artefacts. It is a plain CfnBucket, which can have
// the notification to a queue in its own definition; the L2 construct would add a function to set
// it. The name is fixed in advance so that the queue's policy can name the bucket before it exists.
func (s *system) addBucket() {
	name := awscdk.Fn_Sub(jsii.String(s.bucketPrefix()+"-${AWS::AccountId}-${AWS::Region}"), nil)
	arn := awscdk.Fn_Sub(jsii.String("arn:${AWS::Partition}:s3:::"+s.bucketPrefix()+"-${AWS::AccountId}-${AWS::Region}"), nil)

	ingest := s.queues[string(speech.Ingest)]
	ingest.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid:        jsii.String("BucketEvents"),
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("s3.amazonaws.com"), nil)},
		Actions:    jsii.Strings("sqs:SendMessage"),
		Resources:  &[]*string{ingest.QueueArn()},
		Conditions: &map[string]any{
			"ArnEquals":    map[string]any{"aws:SourceArn": arn},
			"StringEquals": map[string]any{"aws:SourceAccount": s.stack.Account()},
		},
	}))

	s.bucket = awss3.NewCfnBucket(s.stack, jsii.String("Bucket"), &awss3.CfnBucketProps{
		BucketName: name,
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
		NotificationConfiguration: &awss3.CfnBucket_NotificationConfigurationProperty{
			QueueConfigurations: []any{&awss3.CfnBucket_QueueConfigurationProperty{
				Event: jsii.String("s3:ObjectCreated:*"),
				Queue: ingest.QueueArn(),
				Filter: &awss3.CfnBucket_NotificationFilterProperty{S3Key: &awss3.CfnBucket_S3KeyFilterProperty{
					Rules: []any{&awss3.CfnBucket_FilterRuleProperty{Name: jsii.String("prefix"), Value: jsii.String(pipeline.AudioPrefix)}},
				}},
			}},
		},
	})
	s.bucket.ApplyRemovalPolicy(s.removal(), nil)
	// S3 sends a test message when the notification is set, and rejects a queue that does not allow
	// it.
	s.bucket.Node().AddDependency(ingest.Node().FindChild(jsii.String("Policy")))

	awss3.NewCfnBucketPolicy(s.stack, jsii.String("BucketPolicy"), &awss3.CfnBucketPolicyProps{
		Bucket: s.bucket.Ref(),
		PolicyDocument: awsiam.NewPolicyDocument(&awsiam.PolicyDocumentProps{Statements: &[]awsiam.PolicyStatement{
			awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
				Sid:        jsii.String("TLSOnly"),
				Effect:     awsiam.Effect_DENY,
				Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
				Actions:    jsii.Strings("s3:*"),
				Resources:  &[]*string{s.bucket.AttrArn(), s.objects("")},
				Conditions: &map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
			}),
		}}),
	})
	s.output("Bucket", s.bucket.Ref())
}

// bucketPrefix returns the start of the bucket's name. S3 accepts only lower case.
func (s *system) bucketPrefix() string { return strings.ToLower(*s.stack.StackName()) }

// objects returns the ARN of all objects below a prefix.
func (s *system) objects(prefix string) *string {
	return awscdk.Fn_Join(jsii.String(""), &[]*string{s.bucket.AttrArn(), jsii.String("/" + prefix + "*")})
}

func expire(id, prefix string, days float64) *awss3.CfnBucket_RuleProperty {
	return &awss3.CfnBucket_RuleProperty{
		Id: jsii.String(id), Prefix: jsii.String(prefix), Status: jsii.String("Enabled"),
		ExpirationInDays:               jsii.Number(days),
		AbortIncompleteMultipartUpload: &awss3.CfnBucket_AbortIncompleteMultipartUploadProperty{DaysAfterInitiation: jsii.Number(1)},
	}
}
