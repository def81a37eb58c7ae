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
param appPrincipalId string

var packageContainerName = 'deployment-package'
var workPackageContainerName = 'deployment-package-work'
// All state of the app is in one container, `vigia`, in folders; but who decided what, and the key of the pages' forms, is
// in one that no person may read or write.
var containerNames = ['vigia', 'vigia-decisions', 'dead-letters', packageContainerName, workPackageContainerName]
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

// Releases, endpoints, models and approvals are the record of why production is what it is: no rule deletes them.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = {
  parent: account
  name: 'default'
  dependsOn: [blobs]
  properties: {
    policy: {
      rules: [
        {
          name: 'forget-old-facts'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['vigia/ledger/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: ledgerDays } } }
          }
        }
        {
          name: 'forget-passing-facts'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['vigia/passing/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: passingDays } } }
          }
        }
        {
          name: 'forget-dead-letters'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['dead-letters/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: deadLetterDays } } }
          }
        }
        {
          name: 'forget-old-monitor-reports'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['vigia/monitor-reports/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: reportDays } } }
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
