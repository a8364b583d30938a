package stack

import (
	"time"

	"parley/shared/speech"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

// retention is how long a queue or a dead-letter queue keeps a message: the maximum of SQS.
const retention = 14 * 24 * time.Hour

// DeadSuffix is what the name of a stage's dead-letter queue adds to that of its queue.
const DeadSuffix = "-dead"

func (s *system) addQueues() {
	for _, stage := range speech.Service.Fed() {
		dead := s.addQueue(stage.Queue()+DeadSuffix, deadletterTimeout*6, nil)
		s.addQueue(stage.Queue(), stage.Visibility(), &awssqs.DeadLetterQueue{
			Queue:           dead,
			MaxReceiveCount: jsii.Number(stage.MaxReceives),
		})
	}
}

func (s *system) addQueue(short string, visibility time.Duration, dead *awssqs.DeadLetterQueue) awssqs.Queue {
	queue := awssqs.NewQueue(s.stack, jsii.String("Queue"+title(short)), &awssqs.QueueProps{
		QueueName:         jsii.String(s.name(short)),
		EnforceSSL:        jsii.Bool(true),
		Encryption:        awssqs.QueueEncryption_SQS_MANAGED,
		VisibilityTimeout: seconds(visibility),
		RetentionPeriod:   seconds(retention),
		DeadLetterQueue:   dead,
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})
	s.queues[short] = queue
	s.output("Queue"+title(short), queue.QueueUrl())
	return queue
}
