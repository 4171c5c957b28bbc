-- The scene in Neovim, headless: run by `run`, with the configuration of editors/neovim as pasted.
-- Each step appends "ok STEP" or "FAIL STEP: why" to $SCENE/results.
local scene = vim.env.SCENE
local workspace = scene .. '/workspace'
local results = assert(io.open(scene .. '/results', 'a'))
local DEADLINE = 60000 -- ms; only a failure lasts as long

local function report(line)
  results:write(line .. '\n')
  results:flush()
end

local function step(name, body)
  local ok, why = xpcall(body, function(e)
    return tostring(e):gsub('\n.*', '')
  end)
  report(ok and ('ok ' .. name) or ('FAIL ' .. name .. ': ' .. tostring(why)))
  if not ok then
    vim.cmd('cquit 1')
  end
end

local function wait(what, condition)
  if not vim.wait(DEADLINE, condition, 20) then
    error('waited in vain for ' .. what, 0)
  end
end

local function findings(buffer)
  return vim.tbl_filter(function(d)
    return d.code == 'AZR-000002'
  end, vim.diagnostic.get(buffer))
end

local function text(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n') .. '\n'
end

local function buffer_of(file)
  return vim.fn.bufnr(workspace .. '/' .. file)
end

--- Asks for code actions as a user does, and takes the one with this title from the list.
local function take(title)
  local offered
  local select = vim.ui.select
  vim.ui.select = function(items, _, choose)
    offered = vim.tbl_map(function(item)
      return item.action.title
    end, items)
    for _, item in ipairs(items) do
      if vim.startswith(item.action.title, title) then
        choose(item)
        return
      end
    end
    choose(nil)
  end
  vim.lsp.buf.code_action({ context = { only = { 'quickfix' } } })
  wait('a list of code actions', function()
    return offered ~= nil
  end)
  vim.ui.select = select
  for _, one in ipairs(offered) do
    if vim.startswith(one, title) then
      return offered
    end
  end
  error(('no action "%s" among: %s'):format(title, table.concat(offered, '; ')), 0)
end

local main
local original
local literal = "'Microsoft.ContainerRegistry/registries@2023-07-01'"

local function to_registry()
  vim.api.nvim_set_current_buf(main)
  vim.fn.cursor(1, 1)
  vim.fn.search('Microsoft.ContainerRegistry')
end

step('finding at the registry', function()
  vim.cmd.edit(workspace .. '/main.bicep')
  main = vim.api.nvim_get_current_buf()
  original = text(main)
  wait('the finding', function()
    return #findings(main) == 1
  end)
  local d = findings(main)[1]
  local from, to = original:match('()' .. vim.pesc(literal) .. '()')
  local line_start = #original:sub(1, from - 1):match('.*\n')
  assert(d.source == 'preflight', 'source is ' .. tostring(d.source))
  assert(d.severity == vim.diagnostic.severity.WARN, 'severity is ' .. tostring(d.severity))
  assert(d.lnum == 5 and d.end_lnum == 5, 'line is ' .. d.lnum)
  -- Neovim counts bytes: an astral character stands before the literal.
  assert(d.col == from - 1 - line_start, 'column is ' .. d.col)
  assert(d.end_col == to - 1 - line_start, 'end column is ' .. d.end_col)
end)

step('finding in a file that is not open', function()
  wait('the finding', function()
    local b = buffer_of('azuredeploy.json')
    return b > 0 and #findings(b) == 1
  end)
end)

step('fix that creates a file', function()
  to_registry()
  take('Turn on Defender for Containers (paid)')
  wait('the module in main.bicep', function()
    return text(main):find("'defender%-for%-containers.bicep'") ~= nil
  end)
  wait('the new file', function()
    local b = buffer_of('defender-for-containers.bicep')
    return b > 0 and text(b):find('Microsoft.Security/pricings', 1, true) ~= nil
  end)
  vim.cmd.wall()
  assert(vim.uv.fs_stat(workspace .. '/defender-for-containers.bicep'), 'the file is not on disk')
end)

step('finding gone', function()
  wait('no finding', function()
    return #findings(main) == 0
  end)
end)

step('undo', function()
  vim.api.nvim_set_current_buf(buffer_of('defender-for-containers.bicep'))
  vim.cmd.undo()
  vim.api.nvim_set_current_buf(main)
  vim.cmd.undo()
  assert(text(main) == original, 'main.bicep is not what it was')
  vim.cmd.wall()
end)

step('finding back', function()
  wait('the finding', function()
    return #findings(main) == 1
  end)
end)

step('an edit in another file clears it', function()
  vim.cmd.edit(workspace .. '/platform.bicep')
  local platform = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_set_lines(platform, -1, -1, false, {
    '',
    "resource defender 'Microsoft.Security/pricings@2024-01-01' = {",
    "  name: 'Containers'",
    '  properties: {',
    "    pricingTier: 'Standard'",
    '  }',
    '}',
  })
  wait('no finding in main.bicep', function()
    return #findings(main) == 0
  end)
  vim.cmd.undo()
  wait('the finding again', function()
    return #findings(main) == 1
  end)
end)

step('suppress', function()
  to_registry()
  take('Suppress')
  wait('the pragma', function()
    return text(main):find('#disable-next-line AZR-000002', 1, true) ~= nil
  end)
  wait('no finding', function()
    return #findings(main) == 0
  end)
  assert(#findings(buffer_of('azuredeploy.json')) == 1, 'the finding of azuredeploy.json went as well')
  vim.cmd.undo()
  wait('the finding again', function()
    return #findings(main) == 1
  end)
end)

step('server killed and back', function()
  local before = vim.fn.readfile(scene .. '/server.pid')[1]
  vim.uv.kill(tonumber(before), 'sigkill')
  wait('the client to see it', function()
    return #vim.lsp.get_clients({ name = 'preflight' }) == 0
  end)
  vim.cmd('edit!')
  wait('another server', function()
    return vim.fn.readfile(scene .. '/server.pid')[1] ~= before
  end)
  wait('the finding of the new server', function()
    local client = vim.lsp.get_clients({ name = 'preflight', bufnr = main })[1]
    return client and client.initialized and #findings(main) == 1
  end)
end)

report('end')
vim.cmd('qall!')
