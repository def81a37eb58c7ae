// The topics' identities write dead letters and, with eventDelivery: queue, messages. Both roles are assigned here, before
// any event subscription exists: Event Grid checks them when one is created.

import { roles } from '../roles.bicep'

param storageName string
param principalIds string[]

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource deadLetters 'containers' existing = {
      name: 'dead-letters'
    }
  }

  resource queueService 'queueServices' existing = {
    name: 'default'

    resource events 'queues' existing = {
      name: 'events'
    }
  }
}

resource writeDeadLetters 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in principalIds: {
    name: guid(account::blobs::deadLetters.id, principalId, roles.storageBlobDataContributor)
    scope: account::blobs::deadLetters
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    }
  }
]

resource sendEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in principalIds: {
    name: guid(account::queueService::events.id, principalId, roles.storageQueueDataMessageSender)
    scope: account::queueService::events
    properties: {
      principalId: principalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageQueueDataMessageSender)
    }
  }
]
