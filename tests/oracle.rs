//! A `main.bicep` and the `main.json` that the Bicep compiler makes of it must deploy the same.

#[path = "support/disk_files.rs"]
mod disk_files;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use disk_files::DiskFiles;
use preflight::eval::expand::Arguments;
use preflight::eval::{
    Existence, Expansion, Instance, Kind, Members, ResourceFilter, Value, expand,
};
use preflight::model::{ExprKind, ItemKind, Template, TypeExpr};

const FILTER: ResourceFilter = ResourceFilter {
    types: &[],
    related: &[],
    body: &["properties"],
    existing: true,
    ordered: &[],
    shown: &[],
};

/// Every `x.bicep` with what it was compiled to, sorted.
fn pairs(folder: &Path, found: &mut Vec<(PathBuf, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            pairs(&path, found);
        } else if path.file_name().is_some_and(|name| name == "main.bicep") {
            for json in ["main.json", "main.symbolicnames.json"] {
                let json = path.with_file_name(json);
                if json.is_file() {
                    found.push((path.clone(), json));
                }
            }
        }
    }
}

/// What is compared of an instance, and its name where it is known.
fn row(instance: &Instance) -> (String, Option<String>) {
    let text = |value: &Value| match &value.kind {
        Kind::Str(text) => Some(text.to_string()),
        _ => None,
    };
    let existence = match instance.existence {
        Existence::Always => "always",
        Existence::Never(_) => "no",
        Existence::Conditional(_) => "maybe",
    };
    let key = format!(
        "{}@{} {existence} x{}",
        instance
            .resource_type
            .as_str()
            .to_lowercase()
            .trim_start_matches("az:"),
        text(&instance.api_version).unwrap_or_else(|| "?".into()),
        instance
            .copies
            .map_or("?".into(), |copies| copies.to_string()),
    );
    (key, text(&instance.name))
}

type Rows = BTreeMap<String, Vec<Option<String>>>;

fn rows(expansion: &Expansion, existing: bool) -> Rows {
    let mut rows = Rows::new();
    let wanted = expansion.instances.iter();
    for instance in wanted.filter(|instance| instance.existing == existing) {
        let (key, name) = row(instance);
        rows.entry(key).or_default().push(name);
    }
    rows
}

/// What the two sides disagree on: rows that only one has, names known to both and different.
fn disagreements(bicep: &Rows, json: &Rows) -> Vec<String> {
    let mut found = Vec::new();
    let none = Vec::new();
    let keys: std::collections::BTreeSet<&String> = bicep.keys().chain(json.keys()).collect();
    for key in keys {
        let (ours, theirs) = (
            bicep.get(key).unwrap_or(&none),
            json.get(key).unwrap_or(&none),
        );
        if ours.len() != theirs.len() {
            found.push(format!(
                "{key}: {} in Bicep {ours:?}, {} in JSON {theirs:?}",
                ours.len(),
                theirs.len()
            ));
            continue;
        }
        let mut left: Vec<&String> = ours.iter().flatten().collect();
        let mut right: Vec<&String> = Vec::new();
        for name in theirs.iter().flatten() {
            match left.iter().position(|other| *other == name) {
                Some(at) => drop(left.remove(at)),
                None => right.push(name),
            }
        }
        // What is known on one side must be unknown on the other.
        let unknown = |names: &[Option<String>]| names.iter().filter(|name| name.is_none()).count();
        if left.len() > unknown(theirs) || right.len() > unknown(ours) {
            found.push(format!("{key}: named {left:?} in Bicep, {right:?} in JSON"));
        }
    }
    found
}

/// Where two bodies state different things; what one of them does not know or does not state is no difference.
fn contradiction(ours: &Value, theirs: &Value, path: &str) -> Option<String> {
    match (&ours.kind, &theirs.kind) {
        (Kind::Unknown(_) | Kind::OneOf(_), _) | (_, Kind::Unknown(_) | Kind::OneOf(_)) => None,
        (Kind::Object(x), Kind::Object(y)) => x.members.iter().find_map(|(name, value)| {
            contradiction(value, y.members.get(name)?, &format!("{path}.{name}"))
        }),
        (Kind::Array(x), Kind::Array(y)) if x.open.is_some() || y.open.is_some() => None,
        (Kind::Array(x), Kind::Array(y)) if x.items.len() == y.items.len() => {
            let mut both = x.items.iter().zip(&y.items).enumerate();
            both.find_map(|(i, (x, y))| contradiction(x, y, &format!("{path}[{i}]")))
        }
        (x, y) if x == y => None,
        _ => Some(format!(
            "{path}: {:?} in Bicep, {:?} in JSON",
            ours.kind, theirs.kind
        )),
    }
}

/// The bodies of instances that only one has by type and known name.
fn bodies(expansion: &Expansion) -> BTreeMap<(String, String), Option<&Value>> {
    let mut bodies = BTreeMap::new();
    for instance in expansion
        .instances
        .iter()
        .filter(|instance| !instance.existing)
    {
        if let (key, Some(name)) = row(instance) {
            let slot = bodies.entry((key, name));
            slot.and_modify(|body| *body = None)
                .or_insert(Some(&instance.body));
        }
    }
    bodies
}

/// Pairs that do not agree, and why they need not.
const EXCEPTIONS: &[(&str, &str)] = &[
    (
        "aks-construction/samples/shared-acr/main.json",
        "compiled by Bicep 0.17, before its module learned to start and stop clusters",
    ),
    (
        "bicep-samples/baselines/InvalidLambdas_LF/main.json",
        "the source has errors on purpose; its JSON says nothing of it",
    ),
    (
        "registry-modules/avm/res/azure-stack-hci/network-interface/main.json",
        "older than its source: another API version",
    ),
    (
        "registry-modules/avm/res/azure-stack-hci/virtual-hard-disk/main.json",
        "older than its source: another API version",
    ),
];

/// Expands one side.
fn run(files: &DiskFiles, path: &Path, arguments: &Arguments) -> Expansion {
    let id = files.id(path);
    let template = files.template(id).expect("a file of the corpus reads");
    expand(id, &template, arguments, files, &FILTER)
}

/// Compares a pair; what could not be read of the source cannot be compared.
fn compare(files: &DiskFiles, pair: &(PathBuf, PathBuf), arguments: &Arguments) -> Vec<String> {
    let ours = run(files, &pair.0, arguments);
    let theirs = run(files, &pair.1, arguments);
    if ours.unread.is_empty() {
        let mut found = disagreements(&rows(&ours, false), &rows(&theirs, false));
        // The array form drops what is only referred to, and so does the compiler where it can do without.
        let referred = rows(&ours, true);
        for (key, names) in rows(&theirs, true) {
            if referred.get(&key).map_or(0, Vec::len) < names.len() {
                found.push(format!("existing {key}: {names:?} in JSON alone"));
            }
        }
        let others = bodies(&theirs);
        for ((key, name), body) in bodies(&ours) {
            let other = others.get(&(key.clone(), name.clone())).copied().flatten();
            if let (Some(ours), Some(theirs)) = (body, other)
                && let Some(line) = contradiction(ours, theirs, "")
            {
                found.push(format!("{key} {name}{line}"));
            }
        }
        return found;
    }
    let theirs = rows(&theirs, false);
    let lacking = rows(&ours, false)
        .into_iter()
        .filter(|(key, names)| theirs.get(key).map_or(0, Vec::len) < names.len());
    lacking
        .map(|(key, _)| format!("{key}: missing in JSON"))
        .collect()
}

fn report(corpus: &Path, pair: &(PathBuf, PathBuf), found: &[String]) -> String {
    let name = pair.1.strip_prefix(corpus).unwrap_or(&pair.1);
    let lines: Vec<String> = found
        .iter()
        .take(4)
        .map(|line| format!("  {}", line.chars().take(300).collect::<String>()))
        .collect();
    format!("{}\n{}\n", name.display(), lines.join("\n"))
}

/// A pair written by hand after the compiler's rules: a loop, a condition, a module in another scope, an existing
/// resource, a child, and names by expression.
const PAIR: &str = r#"
//- /main.bicep
param environments array = ['dev', 'prod']
param deploy bool = true
var prefix = 'shop'

resource registries 'Microsoft.ContainerRegistry/registries@2023-07-01' = [for name in environments: {
  name: '${prefix}${name}'
  location: 'westeurope'
  sku: { name: name == 'prod' ? 'Premium' : 'Basic' }
  properties: { adminUserEnabled: false }
}]

resource storage 'Microsoft.Storage/storageAccounts@2023-01-01' = if (deploy) {
  name: '${prefix}store'
  location: 'westeurope'
  sku: { name: 'Standard_LRS' }
  kind: 'StorageV2'
  resource blobs 'blobServices' = {
    name: 'default'
  }
}

module plans 'plans.bicep' = {
  name: 'plans'
  scope: subscription()
  params: { tier: 'Standard' }
}
//- /plans.bicep
targetScope = 'subscription'
param tier string
resource containers 'Microsoft.Security/pricings@2024-01-01' = {
  name: 'Containers'
  properties: { pricingTier: tier }
}
//- /main.json
{
  "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
  "contentVersion": "1.0.0.0",
  "parameters": {
    "environments": { "type": "array", "defaultValue": ["dev", "prod"] },
    "deploy": { "type": "bool", "defaultValue": true }
  },
  "variables": { "prefix": "shop" },
  "resources": [
    {
      "condition": "[parameters('deploy')]",
      "type": "Microsoft.Storage/storageAccounts/blobServices",
      "apiVersion": "2023-01-01",
      "name": "[format('{0}/{1}', format('{0}store', variables('prefix')), 'default')]",
      "dependsOn": ["[resourceId('Microsoft.Storage/storageAccounts', format('{0}store', variables('prefix')))]"]
    },
    {
      "copy": { "name": "registries", "count": "[length(parameters('environments'))]" },
      "type": "Microsoft.ContainerRegistry/registries",
      "apiVersion": "2023-07-01",
      "name": "[format('{0}{1}', variables('prefix'), parameters('environments')[copyIndex()])]",
      "location": "westeurope",
      "sku": { "name": "[if(equals(parameters('environments')[copyIndex()], 'prod'), 'Premium', 'Basic')]" },
      "properties": { "adminUserEnabled": false }
    },
    {
      "condition": "[parameters('deploy')]",
      "type": "Microsoft.Storage/storageAccounts",
      "apiVersion": "2023-01-01",
      "name": "[format('{0}store', variables('prefix'))]",
      "location": "westeurope",
      "sku": { "name": "Standard_LRS" },
      "kind": "StorageV2"
    },
    {
      "type": "Microsoft.Resources/deployments",
      "apiVersion": "2022-09-01",
      "name": "plans",
      "subscriptionId": "[subscription().subscriptionId]",
      "location": "[resourceGroup().location]",
      "properties": {
        "expressionEvaluationOptions": { "scope": "inner" },
        "mode": "Incremental",
        "parameters": { "tier": { "value": "Standard" } },
        "template": {
          "$schema": "https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#",
          "contentVersion": "1.0.0.0",
          "parameters": { "tier": { "type": "string" } },
          "resources": [
            {
              "type": "Microsoft.Security/pricings",
              "apiVersion": "2024-01-01",
              "name": "Containers",
              "properties": { "pricingTier": "[parameters('tier')]" }
            }
          ]
        }
      }
    }
  ]
}
"#;

#[test]
fn own_compiled_template_deploys_what_its_source_does() {
    let workspace = support::Workspace::parse(PAIR);
    let compared = compare_folder(workspace.root(), &workspace.path("cache"), 8);
    assert_eq!(compared, 1);
    let plans = workspace.path("plans.bicep");
    let changed = std::fs::read_to_string(&plans).expect("the module");
    workspace.write("plans.bicep", &changed.replace("'Containers'", "'Servers'"));
    let files = DiskFiles::new(&workspace.path("cache"));
    let pair = (workspace.path("main.bicep"), workspace.path("main.json"));
    let found = compare(&files, &pair, &Arguments::default());
    assert_eq!(found.len(), 1, "a difference is seen: {found:?}");
}

#[test]
#[ignore = "reads the corpus of real files"]
fn corpus_compiled_templates_deploy_what_their_sources_do() {
    let corpus = support::corpus();
    let compared = compare_folder(&corpus, &corpus.join("bicep-cache"), 8);
    assert!(compared > 400, "only {compared} pairs");
}

/// Compares each pair below a folder with the defaults, and with as many sets of random parameter values. Returns the
/// number of pairs.
fn compare_folder(folder: &Path, cache: &Path, seeds: u64) -> usize {
    let files = DiskFiles::new(cache);
    let mut all = Vec::new();
    pairs(folder, &mut all);
    let mut wrong = String::new();
    for pair in &all {
        let name = pair.1.strip_prefix(folder).unwrap_or(&pair.1);
        let mut found = compare(&files, pair, &Arguments::default());
        if EXCEPTIONS.iter().any(|(path, _)| Path::new(path) == name) {
            if found.is_empty() {
                wrong.push_str(&format!("{}: no exception any more\n", name.display()));
            }
            continue;
        }
        let id = files.id(&pair.0);
        let template = files.template(id).expect("the source reads");
        for seed in 1..=seeds {
            let arguments = random_arguments(&template, seed);
            found.extend(compare(&files, pair, &arguments));
        }
        if !found.is_empty() {
            wrong.push_str(&report(folder, pair, &found));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    all.len()
}

/// A small generator of numbers: the same seed, the same numbers.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }
}

/// Values of the declared types for some of the parameters; the others keep their defaults.
fn random_arguments(template: &Template, seed: u64) -> Arguments {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut arguments = Arguments::default();
    for item in &template.items {
        let ItemKind::Parameter(parameter) = &item.kind else {
            continue;
        };
        if random.below(3) == 0 {
            continue;
        }
        let allowed = parameter
            .allowed
            .as_ref()
            .map(|allowed| match &allowed.kind {
                ExprKind::Array(elements) => {
                    elements.iter().filter_map(|e| e.value.as_str()).collect()
                }
                _ => Vec::new(),
            });
        let value = match allowed {
            Some(allowed) if !allowed.is_empty() => {
                Some(Value::string(allowed[random.below(allowed.len())]))
            }
            _ => random_value(template, &parameter.ty, &mut random, 0),
        };
        if let Some(value) = value {
            arguments.values.insert(parameter.name.clone(), value);
        }
    }
    arguments
}

/// A value of a type; none for types that are not known. One in a dozen is null, or written in another case.
fn random_value(
    template: &Template,
    ty: &TypeExpr,
    random: &mut Random,
    depth: u8,
) -> Option<Value> {
    if depth > 8 {
        return None;
    }
    match ty {
        TypeExpr::Primitive(name) => match name.as_str().to_lowercase().as_str() {
            "bool" => Some(Value::bool(random.below(2) == 0)),
            "int" => Some(Value::int(random.below(5) as i64)),
            "string" | "securestring" => {
                let texts = [
                    "",
                    "a",
                    "eastus",
                    "10.0.0.0/16",
                    "Enabled",
                    "x-y/z",
                    "[a]",
                    "None",
                ];
                Some(Value::string(texts[random.below(texts.len())]))
            }
            "array" => Some(Value::array(anything(random, depth), None)),
            "object" | "secureobject" => Some(anything_by_name(random, depth)),
            _ => None,
        },
        TypeExpr::Named(path) => {
            let [name] = &**path else { return None };
            let declared = template.items.iter().find_map(|item| match &item.kind {
                ItemKind::Type(ty) if ty.name == *name => Some(&ty.ty),
                _ => None,
            });
            random_value(template, declared?, random, depth + 1)
        }
        TypeExpr::Literal(literal) => match &literal.kind {
            ExprKind::Str(text) if random.below(12) == 0 => {
                Some(Value::string(text.to_uppercase()))
            }
            ExprKind::Str(text) => Some(Value::string(text.clone())),
            ExprKind::Bool(value) => Some(Value::bool(*value)),
            ExprKind::Int(value) => Some(Value::int(*value)),
            _ => None,
        },
        TypeExpr::Union(members) => random_value(
            template,
            members.get(random.below(members.len().max(1)))?,
            random,
            depth + 1,
        ),
        TypeExpr::Array(element) => {
            let count = random.below(4);
            let items: Option<Vec<Value>> = (0..count)
                .map(|_| random_value(template, element, random, depth + 1))
                .collect();
            Some(Value::array(items?, None))
        }
        TypeExpr::Tuple(elements) => {
            let items = elements
                .iter()
                .map(|ty| random_value(template, ty, random, depth + 1));
            Some(Value::array(items.collect::<Option<_>>()?, None))
        }
        TypeExpr::Object {
            properties,
            additional,
        } => {
            let mut members = Members::default();
            for (name, ty) in properties {
                if matches!(ty, TypeExpr::Nullable(_)) && random.below(2) == 0 {
                    continue;
                }
                // A type that is not known leaves one member out, not the whole object.
                let value = random_value(template, ty, random, depth + 1);
                members.extend(value.map(|value| (name.clone(), value)));
            }
            if let Some(ty) = additional
                && let Some(value) = random_value(template, ty, random, depth + 1)
            {
                members.insert("another".into(), value);
            }
            Some(Value::object(members, None))
        }
        TypeExpr::Nullable(ty) => match random.below(3) {
            0 => Some(Value::NULL),
            _ => random_value(template, ty, random, depth + 1),
        },
        TypeExpr::Any => None,
    }
}

/// A few scalars and containers.
fn anything(random: &mut Random, depth: u8) -> Vec<Value> {
    let one = |random: &mut Random| match random.below(if depth < 3 { 7 } else { 4 }) {
        0 => Value::string("a"),
        1 => Value::int(random.below(3) as i64),
        2 => Value::bool(random.below(2) == 0),
        3 => Value::NULL,
        4 => Value::array(anything(random, depth + 1), None),
        _ => anything_by_name(random, depth + 1),
    };
    (0..random.below(3)).map(|_| one(random)).collect()
}

fn anything_by_name(random: &mut Random, depth: u8) -> Value {
    let names = [
        "name",
        "properties",
        "value",
        "id",
        "location",
        "Key",
        "enabled",
    ];
    let values = anything(random, depth);
    let named = values
        .into_iter()
        .map(|value| (names[random.below(names.len())].into(), value));
    Value::object(named.collect(), None)
}
