// The shop's own resource group: a container registry for its images, and a place to run them.
targetScope = 'resourceGroup'

@description('Short name of the environment, part of every resource name.')
param environmentName string = 'test'

param location string = resourceGroup().location

module images 'modules/registry.bicep' = {
  name: 'images'
  params: {
    name: 'webshop${environmentName}'
    location: location
  }
}

resource plan 'Microsoft.App/managedEnvironments@2024-03-01' = {
  name: 'webshop-${environmentName}'
  location: location
  properties: {}
}

output registry string = images.outputs.loginServer
