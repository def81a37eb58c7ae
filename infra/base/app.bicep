// The function app on Flex Consumption, its settings and its sign-in.

import { Environment } from '../environment.bicep'
import { actionGroupsApplication, eventGridApplication } from '../roles.bicep'

param name string
param planName string

@description('The service of ../../azure.yaml that is published to it; empty where azd publishes nothing.')
param service string = 'app'
@description('Which functions it has (VIGIA_RUNS).')
param runs 'all' | 'front' | 'work' = 'all'
@description('Where people reach the pages; empty for this app.')
param publicUrl string = ''
param location string
param tags object
param config Environment
param identityId string
param identityClientId string
param storageName string
param packageContainer string
param vaultUri string
param topicEndpoint string
param insightsConnectionString string
param logsWorkspaceId string

// Each Event Grid trigger scales by itself, and is kept ready by its name.
var calledFunctions = map(
  filter(
    loadYamlContent('../subscriptions.yaml').subscriptions,
    entry => (entry.?delivery ?? config.app.eventDelivery) == 'function'
  ),
  entry => entry.function
)
var smtp = config.notifications.smtp

// A workspace may have an identity of its own, which then needs the roles there and the app's own none.
var identityIds = union([identityId], filter(map(config.workspaces, further => further.identity.id), id => !empty(id)))

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: storageName
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: empty(service) ? tags : union(tags, { 'azd-service-name': service })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject(identityIds, id => id, id => {})
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // Key Vault references use the system-assigned identity unless told otherwise, and this app has none.
    keyVaultReferenceIdentity: identityId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${account.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: config.app.python }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: config.app.maxInstances
        alwaysReady: config.app.alwaysReady == 0 || runs == 'work'
          ? []
          : map(
              union(['http'], map(calledFunctions, name => 'function:${name}')),
              group => { name: group, instanceCount: config.app.alwaysReady }
            )
      }
    }
    siteConfig: { minTlsVersion: '1.2' }
  }

  resource scmCredentials 'basicPublishingCredentialsPolicies' = {
    name: 'scm'
    properties: { allow: false }
  }

  resource ftpCredentials 'basicPublishingCredentialsPolicies' = {
    name: 'ftp'
    properties: { allow: false }
  }

  resource settings 'config' = {
    name: 'appsettings'
    properties: {
      APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
      APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
      // The app sends its own telemetry: the worker tells the host so, which then repeats none of it.
      PYTHON_ENABLE_OPENTELEMETRY: 'true'
      AzureWebJobsStorage__credential: 'managedidentity'
      AzureWebJobsStorage__clientId: identityClientId
      AzureWebJobsStorage__blobServiceUri: account.properties.primaryEndpoints.blob
      AzureWebJobsStorage__queueServiceUri: account.properties.primaryEndpoints.queue
      AzureWebJobsStorage__tableServiceUri: account.properties.primaryEndpoints.table
      // Sign-in proves the app registration by this identity instead of by a client secret.
      OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: identityClientId
      VIGIA_SUBSCRIPTION_ID: subscription().subscriptionId
      VIGIA_RESOURCE_GROUP: config.workspace.resourceGroup
      VIGIA_WORKSPACE: config.workspace.name
      VIGIA_TOPIC_ENDPOINT: topicEndpoint
      VIGIA_LOGS_WORKSPACE_ID: logsWorkspaceId
      VIGIA_WORKSPACE_STORAGE: 'https://${config.workspace.storageAccount}.blob.${az.environment().suffixes.storage}'
      VIGIA_WORKSPACE_CONTAINER: config.workspace.container
      VIGIA_POLICIES: config.app.policies
      VIGIA_PUBLIC_URL: empty(publicUrl) ? 'https://${app.properties.defaultHostName}' : publicUrl
      VIGIA_TEAMS_WEBHOOK: config.notifications.teams ? '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/teams-webhook)' : ''
      VIGIA_ACS_ENDPOINT: config.notifications.acs
      VIGIA_SMTP_HOST: smtp.host
      VIGIA_SMTP_PORT: string(smtp.port)
      VIGIA_SMTP_USER: smtp.user
      VIGIA_SMTP_PASSWORD: empty(smtp.user) ? '' : '@Microsoft.KeyVault(SecretUri=${vaultUri}secrets/smtp-password)'
      VIGIA_MAIL_FROM: smtp.from
      VIGIA_IDENTITY_CLIENT_ID: identityClientId
      VIGIA_ALERTS_CALLER: actionGroupsApplication
      VIGIA_ALERTS_ROLE: 'ActionGroupsSecureWebhook'
      VIGIA_EVENTS_CALLER: eventGridApplication
      VIGIA_EVENTS_ROLE: 'AzureEventGridSecureWebhookSubscriber'
      VIGIA_EVENTS_SUBSCRIPTIONS: join(config.entra.webhooks, ',')
      VIGIA_EVENTS_ORIGINS: 'eventgrid.azure.net,eventgrid.azure.us,eventgrid.azure.cn'
      VIGIA_EVENTS_SOURCES: join(config.sources.others, ',')
      VIGIA_RUNS: runs
      VIGIA_SWEEP_SCHEDULE: config.app.schedules.sweep
      VIGIA_MONITOR_SCHEDULE: config.app.schedules.monitors
      VIGIA_SCHEDULES_SCHEDULE: config.app.schedules.retraining
      VIGIA_POLL_SCHEDULE: config.app.schedules.poll
    }
  }
}

module signIn 'sign-in.bicep' = {
  params: {
    appName: app.name
    signInClientId: config.entra.signIn.clientId
    alertsIdentifierUri: config.entra.alerts.identifierUri
    hasWebhooks: !empty(config.entra.webhooks)
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'
