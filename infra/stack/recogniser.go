package stack

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"parley/shared/engine/pipeline"
	"parley/shared/speech"
	"parley/shared/speech/installed"
	"parley/shared/speech/recogniser/amazon"
)

// Whisper is the recogniser of a deployment that names none: the installed engine.
const Whisper = "whisper"

// The actions on Amazon Transcribe. StartTranscriptionJob names no resource.
const (
	startJob  = "transcribe:StartTranscriptionJob"
	getJob    = "transcribe:GetTranscriptionJob"
	deleteJob = "transcribe:DeleteTranscriptionJob"
)

// elsewhere tells whether the words are heard by Amazon Transcribe.
func (p Props) elsewhere() bool {
	_, chosen, err := amazon.ParseSetting(p.Recogniser)
	return chosen && err == nil
}

// functions are those of the deployment: Functions, with what its recogniser needs.
func (p Props) functions() []Function {
	all := Functions()
	if !p.elsewhere() {
		return all
	}
	for i := range all {
		switch all[i].Name {
		case string(speech.Transcribe):
			all[i].Jobs = []string{startJob, getJob, deleteJob}
		case string(speech.Diarize):
			// Whichever of the two is the last joins their results, and then hears the candidate's
			// sample.
			all[i].Layers = append(slices.Clone(all[i].Layers), installed.LayerRecogniser)
		}
	}
	return all
}

// allowJobs lets a role work with the jobs of this deployment. The service reads and writes the
// bucket with the permissions of the role.
func (s *system) allowJobs(role awsiam.Role, actions []string) {
	if len(actions) == 0 {
		return
	}
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(startJob), Resources: jsii.Strings("*"),
		Conditions: &map[string]any{"StringEquals": map[string]any{"transcribe:OutputBucketName": s.bucketName()}},
	}))
	jobs := s.arn("transcribe", "transcription-job/"+*sprint("%s*", amazon.Prefix(*s.bucketName())))
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(getJob, deleteJob), Resources: &[]*string{jobs},
	}))
}

// hearJobs sends the end of each of the deployment's jobs to the queue of the stage that started
// it, as a message that names the task. An event that is lost is made up for by the sweep.
func (s *system) hearJobs() {
	queue, ok := s.queues[string(speech.Transcribe)].(awssqs.Queue)
	if !s.props.elsewhere() || !ok {
		return
	}
	const name = "$.detail.TranscriptionJobName"
	awsevents.NewRule(s.stack, jsii.String("JobEnded"), &awsevents.RuleProps{
		EventPattern: &awsevents.EventPattern{
			Source:     jsii.Strings("aws.transcribe"),
			DetailType: jsii.Strings("Transcribe Job State Change"),
			Detail: &map[string]any{
				"TranscriptionJobStatus": []string{"COMPLETED", "FAILED"},
				"TranscriptionJobName":   []any{map[string]any{"prefix": amazon.Prefix(*s.bucketName())}},
			},
		},
		Targets: &[]awsevents.IRuleTarget{awseventstargets.NewSqsQueue(queue, &awseventstargets.SqsQueueProps{
			Message: awsevents.RuleTargetInput_FromObject(map[string]any{"format": pipeline.Format, "task": awsevents.EventField_FromPath(jsii.String(name))}),
		})},
	})
}
