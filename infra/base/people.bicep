// What the two groups of people may do with Vigia's own resources. An empty group id gives nothing to nobody.

import { Groups } from '../environment.bicep'
import { roles } from '../roles.bicep'

param groups Groups
param storageName string
param topicName string
param vaultName string
param logsName string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: logsName
}

// The `vigia` command reads and writes releases and the ledger, asks for a next pass over the queue, and moves messages
// out of the poison queues.
resource operateStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in [roles.storageBlobDataContributor, roles.storageQueueDataContributor]: if (!empty(groups.operators)) {
    name: guid(account.id, groups.operators, role)
    scope: account
    properties: {
      principalId: groups.operators
      principalType: 'Group'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
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

// All but secrets/: whoever reads the pages' secret there could forge what their forms prove.
resource viewStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(groups.viewers)) {
  name: guid(account.id, groups.viewers, roles.storageBlobDataReader)
  scope: account
  properties: {
    principalId: groups.viewers
    principalType: 'Group'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataReader)
    conditionVersion: '2.0'
    condition: '((!(ActionMatches{\'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read\'} AND NOT SubOperationMatches{\'Blob.List\'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringNotLike \'secrets/*\'))'
  }
}

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
