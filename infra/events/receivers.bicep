// Finds what layer 1 created, so that this layer needs none of its outputs.

param appName string
param storageName string
param logsName string

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: logsName
}

output appId string = app.id
output appUrl string = 'https://${app.properties.defaultHostName}'
output storageId string = account.id
output logsId string = logs.id
