// Who may call the app: built-in authentication (Easy Auth) with Entra ID, in front of people's pages and of the alerts.
// With no application to sign in with, both are closed to everybody rather than open.

import { actionGroupsApplication, eventGridApplication } from '../roles.bicep'

param appName string

@description('Client id of the application that people sign in with; empty closes the pages.')
param signInClientId string

@description('Identifier URI, api://<client id>, of the application that action groups show a token for; empty closes the alerts.')
param alertsIdentifierUri string

@description('Whether Event Grid may deliver to /api/events, with a token for the same application.')
param hasWebhooks bool

var alertsClientId = replace(alertsIdentifierUri, 'api://', '')
var clientIds = filter([signInClientId, alertsClientId], id => !empty(id))
var callers = [actionGroupsApplication, ...(hasWebhooks ? [eventGridApplication] : [])]
var audiences = map(clientIds, id => [id, 'api://${id}'])

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource authentication 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true, runtimeVersion: '~1' }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: empty(signInClientId) ? 'Return401' : 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      // A 401 in front of the Event Grid webhook would make Event Grid drop events without a retry; the extension guards it
      // with a key of its own. /api/alerts and /api/events are not excluded: there the platform is what checks the caller's
      // token. A webhook subscription without one is refused at its handshake, before any event could be lost.
      excludedPaths: ['/runtime/webhooks/*']
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: !empty(clientIds)
        registration: {
          clientId: first(clientIds) ?? ''
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${az.environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: flatten(audiences)
          defaultAuthorizationPolicy: { allowedApplications: [...clientIds, ...callers] }
        }
      }
    }
    login: { tokenStore: { enabled: false }, preserveUrlFragmentsForLogins: false }
    httpSettings: { requireHttps: true }
  }
}
