package stack

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/pipeline"
	"parley/shared/speech"
)

// retention is how long a queue keeps a message: the maximum of SQS.
const retention = 14 * 24 * time.Hour

// addStateQueues adds the first stage's queue, which belongs to the state because the bucket's
// notifications name it, and the dead-letter queue of all queues.
func (s *system) addStateQueues() {
	if s.props.Adopt {
		return
	}
	s.addQueue(s.state, pipeline.DeadLetters, deadletterTimeout*6, nil)
	s.addStage(s.state, speech.Service.Stages[0])
}

// addQueues adds the other queues. To the functions' stack those of the state are known by name.
func (s *system) addQueues() {
	for _, short := range []string{pipeline.DeadLetters, speech.Service.Stages[0].Queue()} {
		s.queues[short] = awssqs.Queue_FromQueueArn(s.stack, jsii.String("Queue"+title(short)), s.arn("sqs", s.names.of(short)))
	}
	for _, stage := range speech.Service.Fed()[1:] {
		s.addStage(s.stack, stage)
	}
	s.output("Queue"+title(pipeline.DeadLetters), s.queues[pipeline.DeadLetters].QueueUrl(), "")
	for _, stage := range speech.Service.Fed() {
		s.output("Queue"+title(stage.Queue()), s.queues[stage.Queue()].QueueUrl(), "")
	}
}

// addStage adds a stage's queue.
func (s *system) addStage(in awscdk.Stack, stage pipeline.Stage) {
	s.addQueue(in, stage.Queue(), stage.Visibility(), &awssqs.DeadLetterQueue{
		Queue:           s.queues[pipeline.DeadLetters],
		MaxReceiveCount: jsii.Number(stage.MaxReceives),
	})
}

func (s *system) addQueue(in awscdk.Stack, short string, visibility time.Duration, dead *awssqs.DeadLetterQueue) {
	s.queues[short] = awssqs.NewQueue(in, jsii.String("Queue"+title(short)), &awssqs.QueueProps{
		QueueName:         jsii.String(s.names.of(short)),
		EnforceSSL:        jsii.Bool(true),
		Encryption:        awssqs.QueueEncryption_SQS_MANAGED,
		VisibilityTimeout: seconds(visibility),
		RetentionPeriod:   seconds(retention),
		DeadLetterQueue:   dead,
		RemovalPolicy:     awscdk.RemovalPolicy_DESTROY,
	})
}
