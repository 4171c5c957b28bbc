@description('The name of the registry.')
param registryName string = 'acr${uniqueString(resourceGroup().id)}'

param location string = resourceGroup().location

/* 🐳 */ resource registry 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: registryName
  location: location
  sku: {
    name: 'Premium'
  }
}

output loginServer string = registry.properties.loginServer
