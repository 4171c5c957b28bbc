;;; preflight.el --- Preflight for Bicep and ARM templates -*- lexical-binding: t -*-

;;; Commentary:

;; Paste into your init file, or load this file from it.  Needs Emacs 29 or newer (eglot is built in)
;; and `preflight' on `exec-path'.

;;; Code:

(require 'eglot)

;; Emacs brings no mode for Bicep.  `bicep-ts-mode' of NonGNU ELPA goes before this plain one.
(unless (or (fboundp 'bicep-ts-mode) (fboundp 'bicep-mode))
  (define-derived-mode bicep-mode prog-mode "Bicep"
    "Plain mode for Bicep files: comments and indentation, no colours."
    (setq-local comment-start "// "
                comment-start-skip "//+\\s-*"
                tab-width 2
                indent-tabs-mode nil)
    (modify-syntax-entry ?' "\"")
    (modify-syntax-entry ?/ ". 124b")
    (modify-syntax-entry ?* ". 23")
    (modify-syntax-entry ?\n "> b"))
  (add-to-list 'auto-mode-alist '("\\.bicep\\(param\\)?\\'" . bicep-mode)))

;; The fix of a resource-group file creates a file.  eglot 1.17 knows no such step, yet it opens a file
;; that is not there as an empty buffer when an edit names it: so the step can be promised, and left out.
(defclass preflight-server (eglot-lsp-server) ()
  :documentation "Preflight, to which eglot says that it can create files.")

(cl-defmethod eglot-client-capabilities :around ((_server preflight-server))
  (let* ((all (cl-call-next-method))
         (workspace (copy-sequence (plist-get all :workspace)))
         (edit (copy-sequence (plist-get workspace :workspaceEdit))))
    (unless (plist-member edit :resourceOperations)
      (setq edit (plist-put edit :resourceOperations ["create"])))
    (plist-put all :workspace (plist-put workspace :workspaceEdit edit))))

(defun preflight-leave-creating-to-edits (apply-edit edit &rest more)
  "Call APPLY-EDIT with EDIT less its steps that create files, and MORE."
  (let ((steps (plist-get edit :documentChanges)))
    (if (not (object-of-class-p (eglot-current-server) 'preflight-server))
        (apply apply-edit edit more)
      (apply apply-edit
             (plist-put (copy-sequence edit) :documentChanges
                        (vconcat (seq-remove (lambda (step) (equal (plist-get step :kind) "create")) steps)))
             more))))
(advice-add 'eglot--apply-workspace-edit :around #'preflight-leave-creating-to-edits)

(add-to-list 'eglot-server-programs
             '(((bicep-ts-mode :language-id "bicep")
                (bicep-mode :language-id "bicep")
                (json-ts-mode :language-id "json")
                (json-mode :language-id "json")
                (js-json-mode :language-id "json"))
               . (preflight-server "preflight" "server")))

(dolist (hook '(bicep-mode-hook bicep-ts-mode-hook json-ts-mode-hook json-mode-hook js-json-mode-hook))
  (add-hook hook #'eglot-ensure))

;; Left out, ps-rule.yaml decides:
;; (setq-default eglot-workspace-configuration
;;               '(:preflight (:plan "Containers" :coverage "workspace" :hints t)))

(provide 'preflight)
;;; preflight.el ends here
