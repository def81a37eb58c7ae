// The names of everything that is created. Both layers compute them, so that neither needs the other's outputs.

@export()
@sealed()
type Names = {
  resourceGroup: string
  identity: string
  logs: string
  insights: string
  storage: string
  vault: string
  plan: string
  app: string
  workPlan: string
  workApp: string
  topic: string
  actionGroup: string
  budget: string
}

@export()
@description('Returns the names for one environment. `token` makes the globally unique ones unique: uniqueString() of the subscription and the environment.')
func namesFor(environmentName string, token string) Names => {
  resourceGroup: 'rg-vigia-${environmentName}'
  identity: 'id-vigia-${environmentName}'
  logs: 'log-vigia-${environmentName}'
  insights: 'appi-vigia-${environmentName}'
  storage: take('stvigia${token}', 24)
  vault: take('kv-vigia-${token}', 24)
  plan: 'plan-vigia-${environmentName}'
  app: 'func-vigia-${environmentName}-${token}'
  // Different from the other within 32 characters, by which the Functions host tells apps on one storage account apart.
  workPlan: 'plan-vigia-work-${environmentName}'
  workApp: 'func-vigia-work-${environmentName}-${token}'
  topic: 'evgt-vigia-${environmentName}-${token}'
  actionGroup: 'ag-vigia-${environmentName}'
  budget: 'budget-vigia-${environmentName}'
}

@export()
@description('Returns the name of the system topic over a workspace: the existing one, or the one that layer 1 creates.')
func systemTopicFor(workspaceName string, existingTopic string) string =>
  empty(existingTopic) ? 'evgst-${workspaceName}' : existingTopic
