// Sends the traffic log of online endpoints to Vigia's log workspace: one row per request, what a canary is judged on.

param workspaceName string
param endpoints string[]
param logsId string

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-12-01' existing = {
  name: workspaceName
}

resource online 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints@2025-12-01' existing = [
  for endpoint in endpoints: {
    parent: workspace
    name: endpoint
  }
]

resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [
  for (endpoint, index) in endpoints: {
    name: 'vigia-traffic'
    scope: online[index]
    properties: {
      workspaceId: logsId
      logs: [
        { category: 'AmlOnlineEndpointTrafficLog', enabled: true }
        { category: 'AmlOnlineEndpointEventLog', enabled: true }
      ]
    }
  }
]
