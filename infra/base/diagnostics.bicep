// Who did what to the vault, the records and the app: kept in Log Analytics, apart from the app's own telemetry.

param vaultName string
param storageName string
param appName string
param topicName string
param logsName string

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: logsName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' existing = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' existing = {
  parent: account
  name: 'default'
}

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

resource ofVault 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'vigia'
  scope: vault
  properties: {
    workspaceId: logs.id
    logs: [{ categoryGroup: 'audit', enabled: true }]
  }
}

// Reads are left out: the app reads its records many times a minute.
resource ofBlobs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'vigia'
  scope: blobs
  properties: {
    workspaceId: logs.id
    logs: [
      { category: 'StorageWrite', enabled: true }
      { category: 'StorageDelete', enabled: true }
    ]
  }
}

// Messages come and go all the time; what is deleted unread shows here.
resource ofQueues 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'vigia'
  scope: queues
  properties: {
    workspaceId: logs.id
    logs: [{ category: 'StorageDelete', enabled: true }]
  }
}

resource ofApp 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'vigia'
  scope: app
  properties: {
    workspaceId: logs.id
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

// Which delivery failed, and why: metrics only count them.
resource ofTopic 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'vigia'
  scope: topic
  properties: {
    workspaceId: logs.id
    logs: [
      { category: 'DeliveryFailures', enabled: true }
      { category: 'PublishFailures', enabled: true }
    ]
  }
}
