// Ids that are the same in every tenant.

@export()
@description('Azure\'s built-in roles. https://learn.microsoft.com/azure/role-based-access-control/built-in-roles')
var roles = {
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  storageBlobDataReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
  storageQueueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  storageQueueDataMessageSender: 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a'
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  eventGridDataSender: 'd5a91429-5739-47e2-a06b-3470a27159e7'
  azureMlDataScientist: 'f6c7c914-8db3-469d-8ca1-694a8f32e121'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  logAnalyticsReader: '73c42c96-874c-492b-b04d-ab87d138a893'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  keyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
}

@export()
@description('The application "AzNS AAD Webhook", as which action groups call secure webhooks.')
var actionGroupsApplication = '461e8683-5575-4561-ac7f-899cc907d62a'

@export()
@description('The application "Microsoft.EventGrid", as which Event Grid calls webhooks that ask for a token. Other clouds have other ids.')
var eventGridApplication = '4962773b-9cdb-44cf-a8bf-237846a00ab7'
