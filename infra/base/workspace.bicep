// What Vigia needs beside the existing Azure ML workspace, in the workspace's resource group: its system topic and three roles.

import { systemTopicFor } from '../names.bicep'
import { roles } from '../roles.bicep'

param workspaceName string
param location string
param storageAccountName string

@description('An existing system topic over the workspace, with its system-assigned identity switched on; empty to create one.')
param systemTopicName string
param tags object
param appPrincipalId string

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-12-01' existing = {
  name: workspaceName
}

resource workspaceStorage 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageAccountName
}

resource created 'Microsoft.EventGrid/systemTopics@2025-02-15' = if (empty(systemTopicName)) {
  name: systemTopicFor(workspaceName, '')
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    source: workspace.id
    topicType: 'Microsoft.MachineLearningServices.Workspaces'
  }
}

resource found 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = if (!empty(systemTopicName)) {
  name: systemTopicFor(workspaceName, systemTopicName)
}

resource useWorkspace 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspace.id, appPrincipalId, roles.azureMlDataScientist)
  scope: workspace
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.azureMlDataScientist)
  }
}

// The collected inputs and outputs of the endpoints, which the drift monitors compare.
resource readData 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspaceStorage.id, appPrincipalId, roles.storageBlobDataReader)
  scope: workspaceStorage
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataReader)
  }
}

// Below labelling/ it writes which items people should label, and versions of what they answered.
resource askForLabels 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(workspaceStorage.id, appPrincipalId, roles.storageBlobDataContributor)
  scope: workspaceStorage
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDataContributor)
    conditionVersion: '2.0'
    condition: '((!(ActionMatches{\'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write\'}) AND !(ActionMatches{\'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action\'}) AND !(ActionMatches{\'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete\'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers/blobs:path] StringLike \'labelling/*\'))'
  }
}

output systemTopicPrincipalId string = empty(systemTopicName) ? created!.identity.principalId : found!.identity.principalId
