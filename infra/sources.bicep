// The further sources of events that an environment names, each with its system topic.

import { Environment } from 'environment.bicep'
import { systemTopicFor } from 'names.bicep'

@export()
@sealed()
type Source = {
  @description('The word for it in subscriptions.yaml.')
  topic: 'storage' | 'registry' | 'policy'
  @description('ARM id; empty when the environment does not name the source.')
  id: string
  topicType: string
  topicName: string
  location: string
  @description('False when the system topic exists already.')
  isCreated: bool
  @description('How the subjects of the events that are meant begin; empty for all.')
  subjectPrefix: string
}

@export()
@description('Returns the sources that the environment names.')
func sourcesOf(config Environment, subscriptionId string) Source[] =>
  filter(
    [
      {
        topic: 'storage'
        id: empty(config.sources.storage.account)
          ? ''
          : '${groupId(config, subscriptionId)}/providers/Microsoft.Storage/storageAccounts/${config.sources.storage.account}'
        topicType: 'Microsoft.Storage.StorageAccounts'
        topicName: systemTopicFor(config.sources.storage.account, config.sources.storage.systemTopic)
        location: config.sources.storage.location
        isCreated: empty(config.sources.storage.systemTopic)
        // Whatever jobs and endpoints write is in the same container: a folder keeps it out.
        subjectPrefix: '/blobServices/default/containers/${config.workspace.container}/blobs/${config.sources.storage.folder}'
      }
      {
        topic: 'registry'
        id: empty(config.sources.registry.name)
          ? ''
          : '${groupId(config, subscriptionId)}/providers/Microsoft.ContainerRegistry/registries/${config.sources.registry.name}'
        topicType: 'Microsoft.ContainerRegistry.Registries'
        topicName: systemTopicFor(config.sources.registry.name, config.sources.registry.systemTopic)
        location: config.sources.registry.location
        isCreated: empty(config.sources.registry.systemTopic)
        subjectPrefix: ''
      }
      {
        topic: 'policy'
        id: empty(config.sources.policy.subscription) ? '' : '/subscriptions/${config.sources.policy.subscription}'
        topicType: 'Microsoft.PolicyInsights.PolicyStates'
        topicName: systemTopicFor('policy-${config.workspace.name}', config.sources.policy.systemTopic)
        location: 'global'
        isCreated: empty(config.sources.policy.systemTopic)
        subjectPrefix: '${groupId(config, subscriptionId)}/providers/Microsoft.MachineLearningServices/workspaces/${config.workspace.name}'
      }
    ],
    source => !empty(source.id)
  )

func groupId(config Environment, subscriptionId string) string =>
  '/subscriptions/${subscriptionId}/resourceGroups/${config.workspace.resourceGroup}'
