// What the platform team deploys once for the subscription.
targetScope = 'subscription'

@description('Which Defender plans to turn on, and how far.')
param defenderPlans array = [
  { name: 'VirtualMachines', tier: 'Standard' }
  { name: 'Containers', tier: 'Free' }
]

@batchSize(1)
resource pricing 'Microsoft.Security/pricings@2024-01-01' = [for plan in defenderPlans: {
  name: plan.name
  properties: {
    pricingTier: plan.tier
  }
}]

resource shared 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'shared'
  location: 'westeurope'
}

module images 'registry.bicep' = {
  scope: shared
  name: 'images'
}
