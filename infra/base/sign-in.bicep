// Who may call the app's pages: built-in authentication (Easy Auth) with Entra ID. Without an application to sign in with,
// the pages are closed to everybody rather than open.

param appName string

@description('Client id of the application that people sign in with; empty closes the pages.')
param clientId string

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
      unauthenticatedClientAction: empty(clientId) ? 'Return401' : 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
      // A 401 in front of the Event Grid webhook would make Event Grid drop events without a retry; it is guarded by the
      // extension's own key. The alerts function checks the action group's token itself.
      excludedPaths: ['/runtime/webhooks/*', '/api/alerts']
    }
    identityProviders: {
      azureActiveDirectory: {
        enabled: !empty(clientId)
        registration: {
          clientId: clientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
          openIdIssuer: '${az.environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: { allowedAudiences: empty(clientId) ? [] : [clientId, 'api://${clientId}'] }
      }
    }
    login: { tokenStore: { enabled: false }, preserveUrlFragmentsForLogins: false }
    httpSettings: { requireHttps: true }
  }
}
