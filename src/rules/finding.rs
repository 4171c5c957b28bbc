//! What a rule reports: a verdict, a message and symbolic source references.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use super::{Deployment, Metadata, RuleContext};
use crate::eval::{Instance, Value};
use crate::model::{FileId, Ident, NodeRef};
use crate::workspace::config::Level;

/// The result of a check, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// Nothing to report.
    Scanned,
    /// Not a verdict: advice about a resource.
    Hint,
    /// It depends on something that is not known.
    Unknown,
    /// What the rule needs is missing.
    Missing,
    /// What the rule needs is there and is off.
    Off,
    /// A property has a value that it must not have.
    Violation,
}

impl Verdict {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Scanned => "scanned",
            Verdict::Hint => "hint",
            Verdict::Unknown => "unknown",
            Verdict::Missing => "missing",
            Verdict::Off => "off",
            Verdict::Violation => "violation",
        }
    }

    /// Its severity; `override.level` replaces that of every verdict but hints.
    pub fn severity(self, level: Option<Level>) -> Severity {
        match (level, self) {
            (_, Verdict::Hint) => Severity::Note,
            (Some(Level::Error), _) | (None, Verdict::Off) => Severity::Error,
            (Some(Level::Warning), _) | (None, Verdict::Missing | Verdict::Violation) => {
                Severity::Warning
            }
            (Some(Level::Information), _) | (None, Verdict::Unknown | Verdict::Scanned) => {
                Severity::Note
            }
        }
    }
}

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Information: `note` in reports.
    Note,
    /// Warning.
    Warning,
    /// Error.
    Error,
}

/// What one deployment reports about one instance.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleResult {
    /// The rule.
    pub rule: &'static Metadata,
    /// The declaration; results are merged by it.
    pub place: NodeRef,
    /// The verdict.
    pub verdict: Verdict,
    /// The finding as this deployment alone gives it; `None` if there is nothing to report.
    pub finding: Option<Finding>,
    /// What decided the verdict, for the hover text. The chain of modules comes last.
    pub decided: Vec<(Option<NodeRef>, String)>,
}

impl RuleResult {
    /// The result that is a finding.
    pub(super) fn of(finding: Finding, decided: Vec<(Option<NodeRef>, String)>) -> RuleResult {
        RuleResult {
            rule: finding.rule,
            place: finding.place,
            verdict: finding.verdict,
            finding: Some(finding),
            decided,
        }
    }
}

/// One finding, about one declaration.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Metadata,
    /// The verdict.
    pub verdict: Verdict,
    /// Its severity, with `override.level` applied.
    pub severity: Severity,
    /// The node it points at: the resource's type string, or the path of a module use.
    pub place: NodeRef,
    /// One plain sentence.
    pub message: String,
    /// Further nodes, with what they show: the tier, the condition, the chain of modules.
    pub related: Vec<(NodeRef, String)>,
    /// Type of the resource.
    pub resource_type: Ident,
    /// Its name, if known.
    pub resource_name: Option<Arc<str>>,
    /// The entry point of the deployment with the worst verdict.
    pub entry: FileId,
    /// Its parameter file.
    pub parameters: Option<FileId>,
    /// What the fixes need.
    pub subject: Subject,
}

impl Finding {
    /// A finding about an instance of a deployment, with nothing to fix.
    pub(super) fn of(
        rule: &'static Metadata,
        deployment: &Deployment,
        verdict: Verdict,
        instance: &Instance,
        place: NodeRef,
        message: String,
    ) -> Finding {
        Finding {
            rule,
            verdict,
            severity: verdict.severity(deployment.settings.rule(&rule.name).level),
            place,
            message,
            related: Vec::new(),
            resource_type: instance.resource_type.clone(),
            resource_name: instance.name.as_str().map(Into::into),
            entry: deployment.entry,
            parameters: deployment.parameters,
            subject: Subject::None,
        }
    }

    /// How many deployment paths lead to it, at least one.
    pub fn deployments(&self) -> usize {
        match &self.subject {
            Subject::Of(subject) => subject.deployments().max(1),
            _ => 1,
        }
    }
}

/// What the fixes of one rule need to know of a finding: a type of that rule's own.
pub trait RuleSubject: Any + Debug + Send + Sync {
    /// How many deployment paths lead to it.
    fn deployments(&self) -> usize;

    /// Whether another subject is the same.
    fn is(&self, other: &dyn RuleSubject) -> bool;
}

impl dyn RuleSubject {
    /// The subject as the type that the rule made it of.
    pub fn of<T: RuleSubject>(&self) -> Option<&T> {
        let any: &dyn Any = self;
        any.downcast_ref()
    }
}

impl PartialEq for dyn RuleSubject {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

/// What a finding is about, for its fixes.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// A type of the rule's own.
    Of(Arc<dyn RuleSubject>),
    /// A name that another one supersedes: its literal.
    Superseded(NodeRef),
    /// A value: the literal it comes from.
    Value(Option<NodeRef>),
    /// Nothing to fix.
    None,
}

/// Collects the results of a rule for one deployment.
pub struct Findings<'a> {
    rule: &'static Metadata,
    deployment: &'a Deployment,
    pub(super) results: Vec<RuleResult>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(rule: &'static Metadata, deployment: &'a Deployment) -> Self {
        Findings {
            rule,
            deployment,
            results: Vec::new(),
        }
    }

    /// Adds a result.
    pub fn push(&mut self, result: RuleResult) {
        self.results.push(result);
    }

    /// Reports a value of an instance.
    pub fn value(
        &mut self,
        cx: &RuleContext<'_>,
        verdict: Verdict,
        instance: &Instance,
        value: &Value,
        message: String,
    ) {
        let place = cx.node_of(instance);
        let decided = vec![(value.place, message.clone())];
        let (rule, deployment) = (self.rule, self.deployment);
        let mut finding = Finding::of(rule, deployment, verdict, instance, place, message);
        let related = value.place.filter(|node| *node != place);
        let related = related.map(|node| (node, "the value comes from here".to_owned()));
        finding.related.extend(related);
        finding.subject = Subject::Value(value.place);
        self.push(RuleResult::of(finding, decided));
    }
}
