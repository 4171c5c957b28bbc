//! The server as a client sees it: scenes over pipes, with a client that fails when something is left unread.

#[path = "lsp/actions.rs"]
mod actions;
#[path = "lsp/client.rs"]
mod client;
#[path = "lsp/config.rs"]
mod config;
#[path = "lsp/diagnostics.rs"]
mod diagnostics;
#[path = "lsp/editors.rs"]
mod editors;
#[path = "lsp/edits.rs"]
mod edits;
#[path = "lsp/faults.rs"]
mod faults;
#[path = "lsp/freshness.rs"]
mod freshness;
#[path = "lsp/identity.rs"]
mod identity;
#[path = "lsp/pull.rs"]
mod pull;
#[path = "lsp/queries.rs"]
mod queries;
mod support;

/// A registry in a resource group that nothing scans.
const REGISTRY: &str = "\
resource acr 'Microsoft.ContainerRegistry/registries@2023-07-01' = {
  name: 'shopimages'
  location: resourceGroup().location
  sku: { name: 'Basic' }
}
";

/// A plan that scans every registry of the subscription.
const PLAN: &str = "\
targetScope = 'subscription'

resource defender 'Microsoft.Security/pricings@2024-01-01' = {
  name: 'Containers'
  properties: { pricingTier: 'Standard' }
}
";

/// Where the type of [`REGISTRY`] is.
fn type_range() -> serde_json::Value {
    client::range(0, 13, 0, 64)
}
