// Who watches Vigia: alert rules and a workbook over its telemetry. None of them needs Vigia to run.

param location string
param tags object
param logsName string
param topicName string
param actionGroupName string
param emails string[]

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: logsName
}

resource topic 'Microsoft.EventGrid/topics@2025-02-15' existing = {
  name: topicName
}

var rules = loadYamlContent('../watch/rules.yaml').rules
var parts = loadYamlContent('../watch/workbook.yaml').parts

// Mailboxes only: Vigia cannot be asked to tell that it does not run.
resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'Global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'vigia-watch'
    emailReceivers: [
      for (email, index) in emails: { name: 'email-${index}', emailAddress: email, useCommonAlertSchema: true }
    ]
  }
}

resource alertRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: 'vigia-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: 'What to do first: docs/how-to/watch-vigia.md, ${rule.name}'
      severity: rule.severity
      enabled: true
      scopes: [logs.id]
      evaluationFrequency: rule.every
      windowSize: rule.window
      // A table exists once something was sent to it.
      skipQueryValidation: true
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Maximum'
            metricMeasureColumn: rule.measure
            operator: rule.operator
            threshold: rule.threshold
            failingPeriods: { numberOfEvaluationPeriods: rule.failing, minFailingPeriodsToAlert: rule.failing }
          }
        ]
      }
      actions: { actionGroups: [people.id] }
    }
  }
]

// Of the topic's own numbers: events that were given up are seen here even while Vigia is stopped.
resource givenUp 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: 'vigia-topic-dead-letters'
  location: 'global'
  tags: tags
  properties: {
    description: 'What to do first: docs/how-to/watch-vigia.md, dead-letters'
    severity: 2
    enabled: true
    scopes: [topic.id]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          name: 'dead-lettered'
          criterionType: 'StaticThresholdCriterion'
          metricNamespace: 'Microsoft.EventGrid/topics'
          metricName: 'DeadLetteredCount'
          operator: 'GreaterThan'
          threshold: 0
          timeAggregation: 'Total'
        }
      ]
    }
    actions: [{ actionGroupId: people.id }]
  }
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(logs.id, 'vigia')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Vigia'
    category: 'workbook'
    sourceId: logs.id
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat(
        [
          {
            type: 9
            name: 'parameters'
            content: {
              version: 'KqlParameterItem/1.0'
              style: 'pills'
              parameters: [
                {
                  id: guid('time')
                  version: 'KqlParameterItem/1.0'
                  name: 'time'
                  label: 'Time'
                  type: 4
                  isRequired: true
                  value: { durationMs: 86400000 }
                }
                { id: guid('correlation_id'), version: 'KqlParameterItem/1.0', name: 'correlation_id', type: 1, value: '' }
              ]
            }
          }
        ],
        flatten(map(parts, part => [
          { type: 1, name: 'about ${part.title}', content: { json: '## ${part.title}\n\n${part.text}' } }
          {
            type: 3
            name: part.title
            content: {
              version: 'KqlItem/1.0'
              query: part.query
              size: 0
              queryType: 0
              resourceType: 'microsoft.operationalinsights/workspaces'
              crossComponentResources: [logs.id]
              timeContextFromParameter: 'time'
              visualization: part.view == 'chart' ? 'timechart' : 'table'
            }
          }
        ]))
      )
    })
  }
}
