// One entry of ../subscriptions.yaml and its translation to Event Grid's properties: the same for both kinds of topic.

@export()
@sealed()
type AdvancedFilter = {
  @description('The operators of Event Grid that compare with a list of texts: enough for types and subjects.')
  operator:
    | 'StringContains'
    | 'StringNotContains'
    | 'StringBeginsWith'
    | 'StringNotBeginsWith'
    | 'StringEndsWith'
    | 'StringNotEndsWith'
    | 'StringIn'
    | 'StringNotIn'
  key: string
  values: string[]
}

@export()
@sealed()
type Subscription = {
  name: string
  topic: 'workspace' | 'custom' | 'storage' | 'registry' | 'policy'
  @description('The trigger function that receives the events.')
  function: string
  schema: 'event-grid' | 'cloud-events'
  types: string[]
  @description('Where these events go, whatever the environment says.')
  delivery: 'queue' | 'function'?
  subject_begins_with: string?
  subject_ends_with: string?
  advanced_filters: AdvancedFilter[]?
  retry: {
    @minValue(1)
    @maxValue(30)
    max_attempts: int?
    @minValue(1)
    @maxValue(1440)
    ttl_minutes: int?
  }?
}

@export()
@description('Returns the delivered schema in Event Grid\'s words.')
func schemaOf(entry Subscription) string =>
  entry.schema == 'cloud-events' ? 'CloudEventSchemaV1_0' : 'EventGridSchema'

@export()
@description('Returns which events pass. `subjectPrefix` counts where the entry does not say how subjects begin.')
func filterOf(entry Subscription, subjectPrefix string) object => {
  includedEventTypes: entry.types
  subjectBeginsWith: entry.?subject_begins_with ?? subjectPrefix
  subjectEndsWith: entry.?subject_ends_with ?? ''
  isSubjectCaseSensitive: false
  advancedFilters: map(
    entry.?advanced_filters ?? [],
    rule => { operatorType: rule.operator, key: rule.key, values: rule.values }
  )
}

@export()
@description('Returns how long delivery is tried; Event Grid\'s own limits where the entry says nothing.')
func retryOf(entry Subscription) object => {
  maxDeliveryAttempts: entry.?retry.?max_attempts ?? 30
  eventTimeToLiveInMinutes: entry.?retry.?ttl_minutes ?? 1440
}

@export()
@description('Returns the delivery to the entry\'s trigger function: one event per call, since a failing one would repeat its whole batch.')
func functionOf(entry Subscription, appId string) object => {
  endpointType: 'AzureFunction'
  properties: {
    resourceId: '${appId}/functions/${entry.function}'
    maxEventsPerBatch: 1
    preferredBatchSizeInKilobytes: 64
  }
}

@export()
@description('Returns the delivery to the storage queue `events` as the topic\'s own identity.')
func queueOf(storageId string) object => {
  identity: { type: 'SystemAssigned' }
  destination: {
    endpointType: 'StorageQueue'
    properties: { resourceId: storageId, queueName: 'events', queueMessageTimeToLiveInSeconds: -1 }
  }
}
