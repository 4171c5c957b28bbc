targetScope = 'subscription'

param location string = deployment().location

resource images 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-images'
  location: location
}
