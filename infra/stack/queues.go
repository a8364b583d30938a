package stack

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/pipeline"
	"parley/shared/speech"
)

// retention is how long a queue or a dead-letter queue keeps a message: the maximum of SQS.
const retention = 14 * 24 * time.Hour

// DeadSuffix is what the name of a stage's dead-letter queue adds to that of its queue.
const DeadSuffix = "-dead"

// addStateQueues adds the first stage's queues, which belong to the state because the bucket's
// notifications name the queue.
func (s *system) addStateQueues() {
	if s.props.Adopt {
		return
	}
	s.addPair(s.state, speech.Service.Stages[0])
}

// addQueues adds the other queues. To the functions' stack those of the state are known by name.
func (s *system) addQueues() {
	for i, stage := range speech.Service.Fed() {
		if i > 0 {
			s.addPair(s.stack, stage)
			continue
		}
		for _, short := range []string{stage.Queue(), stage.Queue() + DeadSuffix} {
			s.queues[short] = awssqs.Queue_FromQueueArn(s.stack, jsii.String("Queue"+title(short)), s.arn("sqs", s.names.of(short)))
		}
	}
	for _, stage := range speech.Service.Fed() {
		for _, short := range []string{stage.Queue(), stage.Queue() + DeadSuffix} {
			s.output("Queue"+title(short), s.queues[short].QueueUrl(), "")
		}
	}
}

// addPair adds a stage's queue and its dead-letter queue.
func (s *system) addPair(in awscdk.Stack, stage pipeline.Stage) {
	dead := s.addQueue(in, stage.Queue()+DeadSuffix, deadletterTimeout*6, nil)
	s.addQueue(in, stage.Queue(), stage.Visibility(), &awssqs.DeadLetterQueue{
		Queue:           dead,
		MaxReceiveCount: jsii.Number(stage.MaxReceives),
	})
}

func (s *system) addQueue(in awscdk.Stack, short string, visibility time.Duration, dead *awssqs.DeadLetterQueue) awssqs.Queue {
	queue := awssqs.NewQueue(in, jsii.String("Queue"+title(short)), &awssqs.QueueProps{
		QueueName:         jsii.String(s.names.of(short)),
		EnforceSSL:        jsii.Bool(true),
		Encryption:        awssqs.QueueEncryption_SQS_MANAGED,
		VisibilityTimeout: seconds(visibility),
		RetentionPeriod:   seconds(retention),
		DeadLetterQueue:   dead,
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})
	s.queues[short] = queue
	return queue
}
