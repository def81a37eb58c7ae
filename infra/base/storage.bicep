// Vigia's own storage account: state, queues and the deployment package. Keys are switched off.

import { roles } from '../roles.bicep'

param name string
param location string
param tags object
param redundancy string

@description('Days after its last change that a ledger entry is deleted.')
@minValue(90)
param ledgerDays int = 400
@description('Days after which a fact that concerned no policy is deleted.')
param passingDays int
param deadLetterDays int
@description('Days that the reports of monitors are kept; a report carries the numbers of 30 windows before it.')
param reportDays int
@description('Names of the further workspaces (workspaces.yaml beside the policies).')
@maxLength(30)
param workspaceNames string[]
param appPrincipalId string

var packageContainerName = 'deployment-package'
var workPackageContainerName = 'deployment-package-work'
// All state of the app is in one container, `vigia`, in folders; but who decided what, and the key of the pages' forms, is
// in one that no person may read or write.
var containerNames = ['vigia', 'vigia-decisions', 'dead-letters', packageContainerName, workPackageContainerName]
// Each workspace's records are in a container of its own.
var recordContainers = concat(['vigia'], map(workspaceNames, name => 'vigia-ws-${name}'))
// As shared/store/retention.py has it (a test compares them). A rule takes ten folders, and an account a hundred rules.
var kept = [
  { key: 'ledger', days: ledgerDays, folders: ['ledger/', 'monitor-rows/', 'outbox/', 'quarantine-resolved/', 'settled/', 'events/', 'posted-results/', 'troubles/'] }
  { key: 'passing', days: passingDays, folders: ['passing/', 'ignored/'] }
  { key: 'reports', days: reportDays, folders: ['monitor-reports/'] }
]
var recordRules = flatten(map(
  recordContainers,
  container =>
    map(kept, rule => {
      name: 'forget-${rule.key}-of-${container}'
      days: rule.days
      folders: map(rule.folders, folder => '${container}/${folder}')
    })
))
var rules = concat(recordRules, [{ name: 'forget-dead-letters', days: deadLetterDays, folders: ['dead-letters/'] }])
// The -poison queues are the Functions host's own: it moves a message there after maxDequeueCount tries.
@export()
var queueNames = [
  'events'
  'releases'
  'notices'
  'looks'
  'events-poison'
  'releases-poison'
  'notices-poison'
  'looks-poison'
]
// On the whole account, because the Functions host keeps containers, queues and tables of its own there. Table Data
// Contributor is for the host's own diagnostic events; the app keeps nothing in tables.
var appRoles = [
  roles.storageBlobDataOwner
  roles.storageQueueDataContributor
  roles.storageTableDataContributor
]

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: redundancy }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: 14 }
    containerDeleteRetentionPolicy: { enabled: true, days: 14 }
  }
}

resource containers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for container in containerNames: {
    parent: blobs
    name: container
    properties: { publicAccess: 'None' }
  }
]

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2025-06-01' = [
  for queue in queueNames: {
    parent: queueService
    name: queue
  }
]

// Releases, endpoints, models and approvals are the record of why production is what it is: no rule deletes them, nor what is open.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  dependsOn: [blobs]
  properties: {
    policy: {
      rules: [
        for rule in rules: {
          name: rule.name
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: rule.folders }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: rule.days } } }
          }
        }
      ]
    }
  }
}

resource appAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in appRoles: {
    name: guid(account.id, appPrincipalId, role)
    scope: account
    properties: {
      principalId: appPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]

output name string = account.name
output packageContainer string = packageContainerName
output workPackageContainer string = workPackageContainerName
