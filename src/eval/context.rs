//! The context of one evaluation: access to files, and the limits on its work.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::scope::Frame;
use super::value::TOO_LARGE;
use super::{Files, Value};
use crate::model::{FileId, Function, Template};

/// Steps that one deployment may take. An expression is a step; an element copied and 32 bytes of text built count
/// as steps too. The largest template of the public module registry takes about a hundredth of it.
pub(crate) const MAX_STEPS: u32 = 2_000_000;

/// Expressions evaluated within one another, through parameters, variables, functions and modules.
const MAX_DEPTH: u32 = 2_000;

/// Bytes of one string.
pub(crate) const MAX_TEXT: usize = 1 << 20;

/// Bytes of stack that must be free before evaluating deeper, and bytes taken again where they are not. Expressions nest
/// 200 deep, and variables of variables deeper; the stacks of worker threads are small.
const RED_ZONE: usize = 128 * 1024;
const STACK: usize = 1024 * 1024;

/// What one evaluation carries along.
pub(crate) struct Context<'c> {
    pub(crate) files: &'c dyn Files,
    steps: Cell<u32>,
    depth: Cell<u32>,
    imported: RefCell<FxHashMap<FileId, Rc<Frame<'static>>>>,
    running: RefCell<Vec<*const Function>>,
    symbols: Cell<bool>,
}

impl<'c> Context<'c> {
    pub(crate) fn new(files: &'c dyn Files) -> Self {
        Context {
            files,
            steps: Cell::new(MAX_STEPS),
            depth: Cell::new(0),
            imported: RefCell::default(),
            running: RefCell::default(),
            symbols: Cell::new(false),
        }
    }

    /// From now on there may be symbols in arrays and objects.
    pub(crate) fn note_symbols(&self) {
        self.symbols.set(true);
    }

    /// Whether there may be symbols in arrays and objects.
    pub(crate) fn has_symbols(&self) -> bool {
        self.symbols.get()
    }

    /// Takes `count` steps; false where none are left.
    pub(crate) fn spend(&self, count: usize) -> bool {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match self.steps.get().checked_sub(count) {
            Some(left) => {
                self.steps.set(left);
                true
            }
            None => {
                self.steps.set(0);
                false
            }
        }
    }

    /// Whether no steps are left: what is found from here on is not worth finding.
    pub(crate) fn is_spent(&self) -> bool {
        self.steps.get() == 0
    }

    /// Runs `f` one level deeper, on a stack that is large enough; too deep is too large.
    pub(crate) fn deeper(&self, f: impl FnOnce() -> Value) -> Value {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return too_large();
        }
        self.depth.set(depth + 1);
        let value = stacker::maybe_grow(RED_ZONE, STACK, f);
        self.depth.set(depth);
        value
    }

    /// Runs `f` on a stack that is large enough, for recursion over modules.
    pub(crate) fn on_large_stack<R>(&self, f: impl FnOnce() -> R) -> R {
        stacker::maybe_grow(RED_ZONE, STACK, f)
    }

    /// The frame in which what other files import from `file` is evaluated: one for all that import it.
    pub(crate) fn import(&self, file: FileId, template: &Arc<Template>) -> Rc<Frame<'static>> {
        let mut imported = self.imported.borrow_mut();
        let frame = imported
            .entry(file)
            .or_insert_with(|| Rc::new(Frame::alone(file, template.clone())));
        frame.clone()
    }

    /// Runs the body of a user function; `None` where it is being run already.
    pub(crate) fn run<R>(&self, function: &Function, f: impl FnOnce() -> R) -> Option<R> {
        let function: *const Function = function;
        if self.running.borrow().contains(&function) {
            return None;
        }
        self.running.borrow_mut().push(function);
        let result = f();
        self.running.borrow_mut().pop();
        Some(result)
    }
}

/// The value of what evaluation gave up on.
pub(crate) fn too_large() -> Value {
    thread_local! {
        static REASON: Arc<str> = TOO_LARGE.into();
    }
    Value::unknown(REASON.with(Arc::clone))
}
