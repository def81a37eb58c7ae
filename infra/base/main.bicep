// Layer 1: everything that the app needs before its code is published. Layer 2 (../events) needs the published functions.
targetScope = 'subscription'

import { Environment } from '../environment.bicep'
import { namesFor } from '../names.bicep'
import { sourcesOf } from '../sources.bicep'

@minLength(2)
@maxLength(20)
@description('Short name of the environment, such as dev: the file ../environments/<name>.yaml.')
param environmentName string

@description('Azure region of Vigia\'s own resources.')
param location string

@description('The content of ../environments/<name>.yaml.')
param config Environment

var names = namesFor(environmentName, uniqueString(subscription().subscriptionId, environmentName))
var tags = { 'azd-env-name': environmentName, 'managed-by': 'vigia' }
var sources = sourcesOf(config, subscription().subscriptionId)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: names.resourceGroup
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  scope: group
  params: { name: names.identity, location: location, tags: tags }
}

module monitoring 'monitoring.bicep' = {
  scope: group
  params: {
    logsName: names.logs
    insightsName: names.insights
    location: location
    tags: tags
    retentionDays: config.retention.logDays
    appPrincipalId: identity.outputs.principalId
  }
}

module storage 'storage.bicep' = {
  scope: group
  params: {
    name: names.storage
    location: location
    tags: tags
    redundancy: config.app.storageRedundancy
    ledgerDays: config.retention.ledgerDays
    passingDays: config.retention.passingDays
    deadLetterDays: config.retention.deadLetterDays
    reportDays: config.retention.reportDays
    workspaceNames: map(config.workspaces, further => further.name)
    appPrincipalId: identity.outputs.principalId
  }
}

module vault 'vault.bicep' = {
  scope: group
  params: { name: names.vault, location: location, tags: tags, appPrincipalId: identity.outputs.principalId }
}

module topic 'topic.bicep' = {
  scope: group
  params: { name: names.topic, location: location, tags: tags, appPrincipalId: identity.outputs.principalId }
}

module workspace 'workspace.bicep' = {
  scope: resourceGroup(config.workspace.resourceGroup)
  params: {
    workspaceName: config.workspace.name
    location: config.workspace.location
    storageAccountName: config.workspace.storageAccount
    systemTopicName: config.workspace.systemTopic
    tags: tags
    appPrincipalId: identity.outputs.principalId
  }
}

module furtherWorkspaces 'workspace.bicep' = [
  for further in config.workspaces: {
    name: 'workspace-${further.name}'
    scope: resourceGroup(further.workspace.resourceGroup)
    params: {
      workspaceName: further.workspace.name
      location: further.workspace.location
      storageAccountName: further.workspace.storageAccount
      systemTopicName: further.workspace.systemTopic
      tags: tags
      appPrincipalId: empty(further.identity.id) ? identity.outputs.principalId : further.identity.principalId
    }
  }
]

module sourceTopics 'source-topic.bicep' = [
  for source in sources: {
    name: 'topic-${source.topic}'
    scope: resourceGroup(config.workspace.resourceGroup)
    params: { source: source, tags: tags }
  }
]

module delivery 'delivery-roles.bicep' = {
  scope: group
  params: {
    storageName: storage.outputs.name
    principalIds: [topic.outputs.principalId, workspace.outputs.systemTopicPrincipalId]
  }
}

module sourceDelivery 'delivery-roles.bicep' = [
  for (source, index) in sources: {
    name: 'delivery-${source.topic}'
    scope: group
    params: { storageName: storage.outputs.name, principalIds: [sourceTopics[index].outputs.principalId] }
  }
]

module furtherDelivery 'delivery-roles.bicep' = [
  for (further, index) in config.workspaces: {
    name: 'delivery-${further.name}'
    scope: group
    params: {
      storageName: storage.outputs.name
      principalIds: [furtherWorkspaces[index].outputs.systemTopicPrincipalId]
    }
  }
]

module people 'people.bicep' = {
  scope: group
  params: {
    groups: config.groups
    workspaceNames: map(config.workspaces, further => further.name)
    storageName: storage.outputs.name
    topicName: topic.outputs.name
    vaultName: vault.outputs.name
    logsName: monitoring.outputs.logsName
  }
}

module app 'app.bicep' = {
  scope: group
  params: {
    name: names.app
    planName: names.plan
    runs: config.app.split ? 'front' : 'all'
    location: location
    tags: tags
    config: config
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    packageContainer: storage.outputs.packageContainer
    vaultUri: vault.outputs.uri
    topicEndpoint: topic.outputs.endpoint
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    logsWorkspaceId: monitoring.outputs.logsWorkspaceId
  }
}

module workApp 'app.bicep' = if (config.app.split) {
  scope: group
  params: {
    name: names.workApp
    planName: names.workPlan
    service: ''
    runs: 'work'
    publicUrl: app.outputs.url
    location: location
    tags: tags
    config: config
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    storageName: storage.outputs.name
    packageContainer: storage.outputs.workPackageContainer
    vaultUri: vault.outputs.uri
    topicEndpoint: topic.outputs.endpoint
    insightsConnectionString: monitoring.outputs.insightsConnectionString
    logsWorkspaceId: monitoring.outputs.logsWorkspaceId
  }
}

module diagnostics 'diagnostics.bicep' = {
  scope: group
  params: {
    vaultName: vault.outputs.name
    storageName: storage.outputs.name
    appName: app.outputs.name
    topicName: topic.outputs.name
    logsName: monitoring.outputs.logsName
  }
}

module watch 'watch.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    logsName: monitoring.outputs.logsName
    topicName: topic.outputs.name
    actionGroupName: '${names.actionGroup}-watch'
    emails: config.notifications.emails
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output VIGIA_FUNCTION_APP string = app.outputs.name
output VIGIA_WORK_APP string = config.app.split ? names.workApp : ''
output VIGIA_PUBLIC_URL string = app.outputs.url
output VIGIA_TOPIC_ENDPOINT string = topic.outputs.endpoint
output VIGIA_STORAGE_ACCOUNT string = storage.outputs.name
output VIGIA_VAULT string = vault.outputs.name
output VIGIA_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
