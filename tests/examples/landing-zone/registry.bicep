param location string = resourceGroup().location

resource shared 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: 'sharedimages'
  location: location
  sku: {
    name: 'Premium'
  }
}
