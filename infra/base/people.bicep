// What the two groups of people may do with Vigia's own resources. An empty group id gives nothing to nobody.

import { Groups } from '../environment.bicep'
import { roles } from '../roles.bicep'
import { queueNames } from 'storage.bicep'

param groups Groups
param storageName string
param topicName string
param vaultName string
param logsName string

@description('Names of the further workspaces.')
param workspaceNames string[]

// One per workspace.
var records = concat(['vigia'], map(workspaceNames, name => 'vigia-ws-${name}'))
var operated = concat(records, ['dead-letters'])

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: account
  name: 'default'
}

resource operatedContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' existing = [
  for name in operated: {
    parent: blobs
    name: name
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' existing = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' existing = [
  for name in queueNames: {
    parent: queueService
    name: name
  }
]

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: logsName
}

// The `vigia` command reads and writes releases and the ledger, replays dead letters, asks for a next pass over the queue,
// and moves messages out of the poison queues. Never the whole account: `vigia-decisions` and the code are nobody's.
resource operateBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (name, index) in operated: if (!empty(groups.operators)) {
    name: guid(account.id, name, groups.operators, roles.storageBlobDataContributor)
    scope: operatedContainers[index]
    properties: {
      principalId: groups.operators
      principalType: 'Group'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    }
  }
]

resource operateQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (name, index) in queueNames: if (!empty(groups.operators)) {
    name: guid(account.id, name, groups.operators, roles.storageQueueDataContributor)
    scope: queues[index]
    properties: {
      principalId: groups.operators
      principalType: 'Group'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageQueueDataContributor)
    }
  }
]

resource publishEvents 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(groups.operators)) {
  name: guid(topic.id, groups.operators, roles.eventGridDataSender)
  scope: topic
  properties: {
    principalId: groups.operators
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.eventGridDataSender)
  }
}

resource writeSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(groups.operators)) {
  name: guid(vault.id, groups.operators, roles.keyVaultSecretsOfficer)
  scope: vault
  properties: {
    principalId: groups.operators
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.keyVaultSecretsOfficer)
  }
}

resource viewRecords 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (name, index) in records: if (!empty(groups.viewers)) {
    name: guid(account.id, name, groups.viewers, roles.storageBlobDataReader)
    scope: operatedContainers[index]
    properties: {
      principalId: groups.viewers
      principalType: 'Group'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataReader)
    }
  }
]

resource readLogs 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for group in [groups.operators, groups.viewers]: if (!empty(group)) {
    name: guid(logs.id, group, roles.logAnalyticsReader)
    scope: logs
    properties: {
      principalId: group
      principalType: 'Group'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.logAnalyticsReader)
    }
  }
]
