;;; emacs.el --- The scene in Emacs, in batch -*- lexical-binding: t -*-

;;; Commentary:

;; Run by `run', after editors/emacs/preflight.el as pasted.  Each step appends "ok STEP" or
;; "FAIL STEP: why" to $SCENE/results.  A batch Emacs has no command loop and no redisplay, so what
;; hangs on them is done by hand: `post-command-hook' after opening, sending changes when idle, and
;; Flymake's first check of a buffer that comes into view.

;;; Code:

(require 'cl-lib)
(require 'flymake)
(require 'eglot)

(defvar scene (getenv "SCENE"))
(defvar scene-workspace (concat scene "/workspace"))
(defvar scene-deadline 60 "Seconds; only a failure lasts as long.")
(setq eglot-confirm-server-edits nil
      make-backup-files nil
      create-lockfiles nil
      auto-save-default nil
      ;; By default eglot reconnects by itself only where the connection has lasted three seconds, and
      ;; the scene may be quicker.
      eglot-autoreconnect t)

(defun scene-report (format &rest arguments)
  (let ((line (concat (apply #'format format arguments) "\n")))
    (write-region line nil (concat scene "/results") t 'quiet)))

(defmacro scene-step (name &rest body)
  (declare (indent 1))
  `(condition-case why
       (progn ,@body (scene-report "ok %s" ,name))
     (error (scene-report "FAIL %s: %s" ,name (error-message-string why))
            (kill-emacs 1))))

(defun scene-send-changes ()
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (and (bound-and-true-p eglot--managed-mode) (eglot-current-server))
        (eglot--signal-textDocument/didChange)))))

(defun scene-wait (what condition)
  (let ((end (+ (float-time) scene-deadline)))
    (while (not (funcall condition))
      (when (> (float-time) end) (error "waited in vain for %s" what))
      (scene-send-changes)
      ;; Not `accept-process-output': changes of watched files arrive as events, and unread events block everything.
      (read-event nil nil 0.02))))

(defun scene-must (value format &rest arguments)
  (unless value (apply #'error format arguments)))

(defun scene-visit (file)
  (let ((buffer (find-file-noselect (concat scene-workspace "/" file))))
    (with-current-buffer buffer
      (run-hooks 'post-command-hook)
      (scene-wait (concat "a server for " file) (lambda () (eglot-managed-p))))
    (scene-show buffer)
    buffer))

(defun scene-show (buffer)
  (switch-to-buffer buffer)
  (flymake-start))

(defun scene-findings (buffer)
  "The findings in BUFFER as Flymake shows them."
  (with-current-buffer buffer
    (cl-remove-if-not (lambda (d) (string-match-p "AZR-000002" (flymake-diagnostic-text d)))
                      (flymake-diagnostics))))

(defun scene-findings-elsewhere (file)
  "The findings of FILE, which no buffer visits, as the project's list shows them."
  (cdr (assoc (concat scene-workspace "/" file) flymake-list-only-diagnostics)))

(defun scene-text (buffer)
  (with-current-buffer buffer (save-restriction (widen) (buffer-string))))

(defun scene-take (buffer title)
  "Ask for quick fixes at the registry in BUFFER, and carry out the one that begins with TITLE."
  (with-current-buffer buffer
    (goto-char (point-min))
    (search-forward "'Microsoft.ContainerRegistry")
    (let* ((actions (append (eglot-code-actions (match-beginning 0) (match-end 0) "quickfix") nil))
           (action (cl-find-if (lambda (a) (string-prefix-p title (plist-get a :title))) actions)))
      (scene-must action "no action \"%s\" among: %s" title
            (mapconcat (lambda (a) (plist-get a :title)) actions "; "))
      (eglot-execute (eglot-current-server) action))))

(defvar scene-main nil)
(defvar scene-original nil)

(scene-step "finding at the registry"
  (setq scene-main (scene-visit "main.bicep")
        scene-original (scene-text scene-main))
  (scene-wait "the finding" (lambda () (= 1 (length (scene-findings scene-main)))))
  (with-current-buffer scene-main
    (let ((d (car (scene-findings scene-main))))
      (goto-char (point-min))
      (search-forward "'Microsoft.ContainerRegistry/registries@2023-07-01'")
      (scene-must (= (flymake-diagnostic-beg d) (match-beginning 0)) "it begins at %s" (flymake-diagnostic-beg d))
      (scene-must (= (flymake-diagnostic-end d) (match-end 0)) "it ends at %s" (flymake-diagnostic-end d))
      (scene-must (eq (flymake-diagnostic-type d) 'eglot-warning) "it is a %s" (flymake-diagnostic-type d))
      (scene-must (string-match-p "preflight" (flymake-diagnostic-text d)) "no source in: %s" (flymake-diagnostic-text d)))))

(scene-step "finding in a file that is not open"
  (scene-wait "the finding" (lambda () (= 1 (length (scene-findings-elsewhere "azuredeploy.json"))))))

(scene-step "fix that creates a file"
  (scene-take scene-main "Turn on Defender for Containers (paid)")
  (scene-wait "the module in main.bicep"
        (lambda () (string-match-p "'defender-for-containers\\.bicep'" (scene-text scene-main))))
  (let ((created (find-buffer-visiting (concat scene-workspace "/defender-for-containers.bicep"))))
    (scene-must created "no buffer of the new file")
    (scene-must (string-match-p "Microsoft\\.Security/pricings" (scene-text created)) "the new file has no plan: %s" (scene-text created))
    (with-current-buffer created (save-buffer)))
  (with-current-buffer scene-main (save-buffer))
  (scene-must (file-exists-p (concat scene-workspace "/defender-for-containers.bicep")) "the file is not on disk"))

(scene-step "finding gone"
  (scene-wait "no finding" (lambda () (null (scene-findings scene-main)))))

(scene-step "undo"
  (dolist (file '("defender-for-containers.bicep" "main.bicep"))
    (with-current-buffer (find-file-noselect (concat scene-workspace "/" file))
      (undo-boundary)
      (undo)
      (save-buffer)))
  (scene-must (equal (scene-text scene-main) scene-original) "main.bicep is not what it was"))

(scene-step "finding back"
  (scene-wait "the finding" (lambda () (= 1 (length (scene-findings scene-main))))))

(scene-step "an edit in another file clears it"
  (let ((platform (scene-visit "platform.bicep")))
    (with-current-buffer platform
      (undo-boundary)
      (goto-char (point-max))
      (insert "\nresource defender 'Microsoft.Security/pricings@2024-01-01' = {\n"
              "  name: 'Containers'\n  properties: {\n    pricingTier: 'Standard'\n  }\n}\n")
      (undo-boundary))
    (scene-wait "no finding in main.bicep" (lambda () (null (scene-findings scene-main))))
    (with-current-buffer platform (undo))
    (scene-wait "the finding again" (lambda () (= 1 (length (scene-findings scene-main)))))))

(scene-step "suppress"
  (with-current-buffer scene-main (undo-boundary))
  (scene-take scene-main "Suppress")
  (scene-wait "the pragma" (lambda () (string-match-p "#disable-next-line AZR-000002" (scene-text scene-main))))
  (scene-wait "no finding" (lambda () (null (scene-findings scene-main))))
  (scene-must (= 1 (length (scene-findings-elsewhere "azuredeploy.json"))) "the finding of azuredeploy.json went as well")
  (with-current-buffer scene-main
    (undo-boundary)
    (undo)
    (scene-must (equal (scene-text scene-main) scene-original) "undo left: %s" (scene-text scene-main)))
  (scene-wait "the finding again" (lambda () (= 1 (length (scene-findings scene-main))))))

(scene-step "server killed and back"
  (let ((before (with-temp-buffer (insert-file-contents (concat scene "/server.pid")) (buffer-string)))
        (old (with-current-buffer scene-main (eglot-current-server))))
    (signal-process (string-to-number before) 'SIGKILL)
    (scene-wait "the client to see it" (lambda () (not (jsonrpc-running-p old))))
    (scene-wait "another server"
          (lambda ()
            (with-current-buffer scene-main
              (let ((new (eglot-current-server)))
                (and new (not (eq new old)) (jsonrpc-running-p new) (eglot-managed-p))))))
    (scene-must (not (equal before (with-temp-buffer (insert-file-contents (concat scene "/server.pid")) (buffer-string))))
          "the process is the old one")
    (scene-show scene-main)
    (scene-wait "the finding of the new server" (lambda () (= 1 (length (scene-findings scene-main)))))))

(scene-report "end")
(kill-emacs 0)
;;; emacs.el ends here
