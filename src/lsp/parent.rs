//! Ends the server when the editor is gone, even if another process still holds its pipe.

use std::time::Duration;

/// How often to look.
const EVERY: Duration = Duration::from_secs(2);

/// Calls `gone` once, when the process that started the client is no more; looks as long as the server is `serving`. The
/// end of stdin usually comes first; this is for a client that was killed while a child of its own kept the pipe open. A
/// process that is not there to begin with is not watched: the client may live in another container, where its number
/// means another process.
pub(super) fn watch(
    process: u32,
    serving: impl Fn() -> bool + Send + 'static,
    gone: impl FnOnce() + Send + 'static,
) {
    let alive = move || process_alive::state(process.into()) != process_alive::State::Dead;
    if process == 0 || !alive() {
        return;
    }
    // Where no thread can be had, the end of stdin has to do.
    let _ = std::thread::Builder::new()
        .name("parent".to_owned())
        .spawn(move || {
            while serving() {
                if !alive() {
                    return gone();
                }
                std::thread::sleep(EVERY);
            }
        });
}
