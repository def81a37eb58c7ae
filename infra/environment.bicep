// The shape of environments/*.yaml. Sealed, so that a misspelt key is refused by the compiler and not ignored in Azure.

@export()
@sealed()
@description('The existing Azure Machine Learning workspace that Vigia looks after.')
type Workspace = {
  @description('Name of the workspace. It is in the subscription that is deployed to.')
  name: string
  resourceGroup: string
  @description('Azure region of the workspace, such as westeurope. Its system topic must be in the same region.')
  location: string
  @description('Name of the storage account behind the datastore workspaceblobstore, in the same resource group.')
  storageAccount: string
  @description('Blob container of that datastore: azureml-blobstore-<guid>.')
  container: string
  @description('Name of the system topic that already exists over the workspace; empty to create one. Azure allows one per workspace.')
  systemTopic: string
  @description('Online endpoints whose traffic log is sent to the log workspace. They must exist.')
  onlineEndpoints: string[]
}

@export()
@sealed()
@description('A further workspace that the same app looks after. workspaces.yaml beside the policies lists it, too, by the same name.')
type FurtherWorkspace = {
  @description('By which workspaces.yaml, policies and commands know it: lower-case letters, digits and hyphens.')
  @minLength(2)
  @maxLength(40)
  name: string
  workspace: Workspace
  @description('An existing user-assigned identity that alone may use this workspace; empty texts for the app\'s own.')
  identity: { id: string, principalId: string }
}

@export()
@sealed()
type App = {
  @description('Python of the function app. The tests run Microsoft\'s worker on 3.13.')
  python: '3.12' | '3.13'
  @description('Highest number of instances; Flex Consumption allows no less than 40.')
  @minValue(40)
  @maxValue(1000)
  maxInstances: int
  @description('Redundancy of Vigia\'s own storage account, where the ledger and the releases are.')
  storageRedundancy: 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GRS' | 'Standard_GZRS'
  @description('Where Event Grid delivers: straight to the storage queue `events`, or to the trigger functions. An entry of ../subscriptions.yaml may say otherwise.')
  eventDelivery: 'queue' | 'function'
  @description('Instances that are always ready, for HTTP calls (alerts) and for each trigger function that events are delivered to; they cost money around the clock. 0: the first call after a pause waits for a cold start, and Azure may reject the first delivery to a function.')
  @minValue(0)
  alwaysReady: int
  @description('Two apps from one package: one is called from outside (alerts, events, pages), one does the work behind the queues and the timers.')
  split: bool
  @description('Folder of the policies, relative to the app.')
  policies: string
  @description('Time plans of the timers: six fields {second} {minute} {hour} {day} {month} {weekday}, UTC.')
  schedules: { sweep: string, monitors: string, retraining: string, poll: string }
}

@export()
@sealed()
type Retention = {
  @description('Days that ledger entries are kept. Event Grid may deliver a dead-lettered event again weeks later, hence the minimum.')
  @minValue(90)
  ledgerDays: int
  @description('Days that facts which concern no policy are kept, for people who ask: nothing is decided by them.')
  @minValue(7)
  passingDays: int
  @minValue(30)
  deadLetterDays: int
  @minValue(30)
  reportDays: int
  @minValue(30)
  logDays: int
}

@export()
@sealed()
@description('Entra groups, by object id; empty for none.')
type Groups = {
  @description('Run the `vigia` command against this environment: publish hints, act on releases, set secrets.')
  operators: string
  @description('Read releases, the ledger and the logs.')
  viewers: string
}

@export()
@sealed()
@description('Entra application registrations, as infra/scripts/register-alerts-app.sh and register-sign-in-app.sh print them. Ids, no secrets.')
type Entra = {
  @description('Action groups show a token for this application to /api/alerts. Empty: no alert can arrive.')
  alerts: { objectId: string, identifierUri: string }
  @description('Event subscriptions of your own that deliver to /api/events by webhook, by name; empty: it is closed. They show a token for the application above, of which Event Grid needs the role AzureEventGridSecureWebhookSubscriber.')
  webhooks: string[]
  @description('People sign in with this application to approve. Empty: the approval pages are closed.')
  signIn: { clientId: string }
}

@export()
@sealed()
@description('Further sources of events. One that is not named (an empty text) is not listened to. Azure allows one system topic per source: systemTopic names the one that exists, in the workspace\'s resource group and with a system-assigned identity; empty to create one.')
type Sources = {
  @description('The workspace\'s storage account: files that are written below `folder` of the workspace\'s container are new data. Name it as in workspace.storageAccount.')
  storage: { account: string, location: string, folder: string, systemTopic: string }
  @description('A container registry in the workspace\'s resource group: which images come in.')
  registry: { name: string, location: string, systemTopic: string }
  @description('Azure Policy\'s verdicts about the workspace and what is in it. `subscription` is the id of the Azure subscription.')
  policy: { subscription: string, systemTopic: string }
  @description('ARM ids of other workspaces and topics whose events count like those of our own. What any other one tells is noted, and not acted on.')
  others: string[]
}

@export()
@sealed()
type Budget = {
  @description('Monthly cost of the workspace\'s resource group, in the currency of the subscription; 0 for no budget.')
  @minValue(0)
  amount: int
  @description('First day of the month in which the budget is first deployed, such as 2026-12-01. Azure does not let it change later.')
  startDate: string
  @description('Percent of the amount at which an alert is raised.')
  @maxLength(5)
  thresholds: int[]
}

@export()
@sealed()
type Notifications = {
  @description('Mailboxes that the action group and the budget write to, whatever the state of the app.')
  emails: string[]
  @description('True once the secret teams-webhook is in the vault.')
  teams: bool
  @description('Endpoint of the Azure Communication Services that send mail, without keys; empty for none. It goes before smtp.')
  acs: string
  @description('An empty host turns it off. The password is the secret smtp-password in the vault; an empty user needs none.')
  smtp: { host: string, port: int, user: string, from: string }
}

@export()
@sealed()
@description('One environment: the whole of environments/<name>.yaml.')
type Environment = {
  workspace: Workspace
  workspaces: FurtherWorkspace[]
  app: App
  retention: Retention
  groups: Groups
  entra: Entra
  sources: Sources
  budget: Budget
  notifications: Notifications
}
