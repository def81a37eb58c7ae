// The monthly budget of the workspace's resource group. Cost arrives 8 to 24 hours late and a budget is looked at once a
// day: this is a signal of days, not an emergency brake.

import { Budget } from '../environment.bicep'

param name string
param budget Budget
param emails string[]
param actionGroupId string

resource monthly 'Microsoft.Consumption/budgets@2024-08-01' = {
  name: name
  properties: {
    category: 'Cost'
    amount: budget.amount
    timeGrain: 'Monthly'
    timePeriod: { startDate: budget.startDate }
    notifications: toObject(
      budget.thresholds,
      threshold => 'actual-${threshold}',
      threshold => {
        enabled: true
        operator: 'GreaterThanOrEqualTo'
        threshold: threshold
        thresholdType: 'Actual'
        contactEmails: emails
        contactGroups: [actionGroupId]
      }
    )
  }
}
