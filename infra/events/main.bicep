// Layer 2: everything that calls the app. It needs the published functions: Event Grid refuses a subscription to a
// function that is not there.
targetScope = 'subscription'

import { Environment } from '../environment.bicep'
import { namesFor, systemTopicFor } from '../names.bicep'
import { sourcesOf } from '../sources.bicep'

@minLength(2)
@maxLength(20)
@description('The environment that layer 1 was deployed for.')
param environmentName string

@description('The content of ../environments/<name>.yaml.')
param config Environment

var names = namesFor(environmentName, uniqueString(subscription().subscriptionId, environmentName))
var tags = { 'azd-env-name': environmentName, 'managed-by': 'vigia' }
var listed = loadYamlContent('../subscriptions.yaml').subscriptions
var workspaceGroup = config.workspace.resourceGroup

module receivers 'receivers.bicep' = {
  scope: resourceGroup(names.resourceGroup)
  params: { appName: names.app, storageName: names.storage, logsName: names.logs }
}

module workspaceSubscriptions 'system-subscriptions.bicep' = {
  scope: resourceGroup(workspaceGroup)
  params: {
    topicName: systemTopicFor(config.workspace.name, config.workspace.systemTopic)
    subscriptions: filter(listed, entry => entry.topic == 'workspace')
    delivery: config.app.eventDelivery
    appId: receivers.outputs.appId
    storageId: receivers.outputs.storageId
  }
}

module furtherSubscriptions 'system-subscriptions.bicep' = [
  for further in config.workspaces: {
    name: 'subscriptions-${further.name}'
    scope: resourceGroup(further.workspace.resourceGroup)
    params: {
      topicName: systemTopicFor(further.workspace.name, further.workspace.systemTopic)
      subscriptions: filter(listed, entry => entry.topic == 'workspace')
      delivery: config.app.eventDelivery
      appId: receivers.outputs.appId
      storageId: receivers.outputs.storageId
    }
  }
]

module sourceSubscriptions 'system-subscriptions.bicep' = [
  for source in sourcesOf(config, subscription().subscriptionId): {
    name: 'subscriptions-${source.topic}'
    scope: resourceGroup(workspaceGroup)
    params: {
      topicName: source.topicName
      subscriptions: filter(listed, entry => entry.topic == source.topic)
      subjectPrefix: source.subjectPrefix
      delivery: config.app.eventDelivery
      appId: receivers.outputs.appId
      storageId: receivers.outputs.storageId
    }
  }
]

module customSubscriptions 'custom-subscriptions.bicep' = {
  scope: resourceGroup(names.resourceGroup)
  params: {
    topicName: names.topic
    subscriptions: filter(listed, entry => entry.topic == 'custom')
    delivery: config.app.eventDelivery
    appId: receivers.outputs.appId
    storageId: receivers.outputs.storageId
  }
}

module alerts 'action-group.bicep' = {
  scope: resourceGroup(names.resourceGroup)
  params: {
    name: names.actionGroup
    tags: tags
    emails: config.notifications.emails
    application: config.entra.alerts
    alertsUrl: '${receivers.outputs.appUrl}/api/alerts'
  }
}

module budget 'budget.bicep' = if (config.budget.amount > 0) {
  scope: resourceGroup(workspaceGroup)
  params: {
    name: names.budget
    budget: config.budget
    emails: config.notifications.emails
    actionGroupId: alerts.outputs.id
  }
}

module furtherTrafficLogs 'traffic-logs.bicep' = [
  for further in config.workspaces: {
    name: 'traffic-logs-${further.name}'
    scope: resourceGroup(further.workspace.resourceGroup)
    params: {
      workspaceName: further.workspace.name
      endpoints: further.workspace.onlineEndpoints
      logsId: receivers.outputs.logsId
    }
  }
]

module trafficLogs 'traffic-logs.bicep' = {
  scope: resourceGroup(workspaceGroup)
  params: {
    workspaceName: config.workspace.name
    endpoints: config.workspace.onlineEndpoints
    logsId: receivers.outputs.logsId
  }
}
