// Who hears of a budget or an alert: mailboxes, always, and the app, once there is an application to show a token for.

param name string
param tags object
param emails string[]

@description('Object id and identifier URI of the Entra application; an empty object id leaves the app out.')
param application { objectId: string, identifierUri: string }
param alertsUrl string

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: name
  location: 'Global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'vigia'
    emailReceivers: [
      for (email, index) in emails: { name: 'email-${index}', emailAddress: email, useCommonAlertSchema: true }
    ]
    webhookReceivers: empty(application.objectId)
      ? []
      : [
          {
            name: 'vigia'
            serviceUri: alertsUrl
            useCommonAlertSchema: true
            useAadAuth: true
            objectId: application.objectId
            identifierUri: application.identifierUri
            tenantId: tenant().tenantId
          }
        ]
  }
}

output id string = actionGroup.id
