// The system topic over a further source of events, beside the workspace's own.

import { Source } from '../sources.bicep'

param source Source
param tags object

resource created 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (source.isCreated) {
  name: source.topicName
  location: source.location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    source: source.id
    topicType: source.topicType
  }
}

resource found 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = if (!source.isCreated) {
  name: source.topicName
}

output principalId string = source.isCreated ? created!.identity.principalId : found!.identity.principalId
