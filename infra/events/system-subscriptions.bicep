// The event subscriptions over the events of an Azure service: the workspace's, and those of further sources.
// See subscription.bicep for their translation.

import { Subscription, filterOf, functionOf, queueOf, retryOf, schemaOf } from 'subscription.bicep'

param topicName string
param subscriptions Subscription[]

@description('How subjects must begin where the entry says nothing; empty for any.')
param subjectPrefix string = ''

@description('Where an entry\'s events go that does not say it itself: straight to the storage queue `events`, or to its trigger function.')
param delivery 'queue' | 'function'
param appId string
param storageId string

resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: topicName
}

// One at a time: Event Grid answers concurrent changes of one topic with conflicts.
@batchSize(1)
resource routes 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [
  for entry in subscriptions: {
    parent: topic
    name: entry.name
    properties: {
      labels: ['managed-by:vigia']
      eventDeliverySchema: schemaOf(entry)
      filter: filterOf(entry, subjectPrefix)
      retryPolicy: retryOf(entry)
      destination: (entry.?delivery ?? delivery) == 'function' ? functionOf(entry, appId) : null
      deliveryWithResourceIdentity: (entry.?delivery ?? delivery) == 'queue' ? queueOf(storageId) : null
      deadLetterWithResourceIdentity: {
        identity: { type: 'SystemAssigned' }
        deadLetterDestination: {
          endpointType: 'StorageBlob'
          properties: { resourceId: storageId, blobContainerName: 'dead-letters' }
        }
      }
    }
  }
]
