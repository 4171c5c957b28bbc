//! The queue between the protocol and the worker, where edits are merged while the worker is busy.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tower_lsp::ls_types::Uri;

use super::session::Session;
use crate::analysis::{Analysis, Cancel};
use crate::text::{Document, TextChange};

/// Changes of one document that wait as such; more are replaced by the text they lead to, so that a client that types
/// faster than the worker checks costs one text and not a list without end.
const MAX_CHANGES: usize = 64;

/// Something for the worker to do.
pub(super) enum Job {
    /// A document was opened or edited.
    Text(Text),
    /// Something else changed. Returns whether there is anything to bring up to date.
    Update(Box<dyn FnOnce(&mut Analysis) -> bool + Send>),
    /// Answer when no scan is under way and everything is up to date.
    WhenIdle(oneshot::Sender<()>),
    /// A request: answered with what all earlier jobs led to.
    Ask(Box<dyn FnOnce(&mut Session) + Send>),
    /// The server ends.
    Stop,
}

impl Job {
    /// The document that it is the text of.
    pub(super) fn edited(&self) -> Option<&Uri> {
        match self {
            Job::Text(text) => Some(&text.uri),
            _ => None,
        }
    }
}

/// The text of a document.
pub(super) struct Text {
    pub(super) path: PathBuf,
    /// What the client calls it.
    pub(super) uri: Uri,
    pub(super) document: Document,
    /// The edits that lead to it, as the client sent them; `None` if the whole text is new.
    pub(super) edits: Option<Vec<TextChange>>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// Cancels the refresh under way. Newer edits interrupt it; anything does if it answers no edit.
    refresh: Option<(Cancel, bool)>,
}

/// The queue.
#[derive(Default)]
pub(super) struct Jobs {
    state: Mutex<Queue>,
    filled: Condvar,
}

impl Jobs {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job, or joins an edit to the text that waits before it if that is of the same document.
    pub(super) fn push(&self, job: Job) {
        let mut state = self.lock();
        let edited = matches!(job, Job::Text(_) | Job::Stop);
        if let Some((cancel, backlog)) = &state.refresh
            && (edited || *backlog)
        {
            cancel.cancel();
        }
        match (state.waiting.back_mut(), job) {
            (Some(Job::Text(last)), Job::Text(text)) if last.uri == text.uri => {
                let edits = last.edits.take().zip(text.edits);
                last.edits = edits.map(|(all, more)| [all, more].concat());
                last.edits.take_if(|edits| edits.len() > MAX_CHANGES);
                last.document = text.document;
            }
            (_, job) => state.waiting.push_back(job),
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Takes all that waits.
    pub(super) fn drain(&self) -> VecDeque<Job> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// Waits for a job; at most so long, where a time is given.
    pub(super) fn pop(&self, timeout: Option<Duration>) -> Option<Job> {
        let timeout = timeout.unwrap_or(Duration::MAX);
        let empty = |state: &mut Queue| state.waiting.is_empty();
        let waited = self.filled.wait_timeout_while(self.lock(), timeout, empty);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.waiting.pop_front()
    }

    /// Whether nothing is waiting.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().waiting.is_empty()
    }

    /// Marks the begin of a refresh; the token in return is cancelled when a job comes that must not wait for it.
    /// `None` where one is waiting already.
    pub(super) fn begin(&self, backlog: bool) -> Option<Cancel> {
        let mut state = self.lock();
        if !state.waiting.is_empty() {
            return None;
        }
        let cancel = Cancel::default();
        state.refresh = Some((cancel.clone(), backlog));
        Some(cancel)
    }

    /// Marks its end.
    pub(super) fn end(&self) {
        self.lock().refresh = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(path: &str, version: i32) -> Job {
        Job::Text(Text {
            path: PathBuf::from(path),
            uri: format!("untitled:{path}").parse().expect("a URI"),
            document: Document::new(&format!("text {version}"), version),
            edits: Some(vec![TextChange {
                range: None,
                text: "x".to_owned(),
            }]),
        })
    }

    /// What waits, in short.
    fn waiting(jobs: &Jobs) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(job) = jobs.pop(Some(Duration::ZERO)) {
            found.push(match job {
                Job::Text(text) => {
                    let edits = match text.edits {
                        Some(edits) => format!("{} edits", edits.len()),
                        None => text.document.text.to_string(),
                    };
                    format!("{} {}: {edits}", text.path.display(), text.document.version)
                }
                Job::Ask(_) => "ask".to_owned(),
                _ => "other".to_owned(),
            });
        }
        found
    }

    #[test]
    fn edits_of_one_document_come_together_until_something_else_waits() {
        let jobs = Jobs::default();
        jobs.push(edit("a", 2));
        jobs.push(edit("a", 3));
        jobs.push(Job::Ask(Box::new(|_| {})));
        jobs.push(edit("a", 4));
        jobs.push(edit("b", 2));
        let want = ["a 3: 2 edits", "ask", "a 4: 1 edits", "b 2: 1 edits"];
        assert_eq!(waiting(&jobs), want);
    }

    #[test]
    fn many_edits_become_their_outcome() {
        let jobs = Jobs::default();
        (0..10_000).for_each(|version| jobs.push(edit("a", version)));
        assert_eq!(waiting(&jobs), ["a 9999: text 9999"]);
    }

    #[test]
    fn newer_jobs_interrupt_what_may_be_interrupted() {
        let check = |backlog: bool, job: Job, want: bool| {
            let jobs = Jobs::default();
            let cancel = jobs.begin(backlog).expect("nothing waits");
            jobs.push(job);
            assert_eq!(cancel.is_cancelled(), want);
            assert!(jobs.begin(backlog).is_none(), "what waits comes first");
        };
        check(false, edit("a", 1), true);
        check(false, Job::Ask(Box::new(|_| {})), false);
        check(true, Job::Ask(Box::new(|_| {})), true);
        check(true, edit("a", 1), true);
    }
}
