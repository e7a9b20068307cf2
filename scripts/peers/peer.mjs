// Answers JSON lines from stdin on stdout, one each, with the engine installed in the folder named
// on the command line.
//
// {simulation}                   -> {result} or {refused: why}
// {simulation, seconds}          -> {runSimulation, core}, decisions per second of processor time
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const folder = process.argv[2] + '/node_modules/@cloud-copilot/'
const load = (path) => import(pathToFileURL(folder + path).href)
const engine = await load('iam-simulate/dist/esm/index.js')
const inner = 'iam-simulate/dist/esm/'
const { authorize } = await load(inner + 'core_engine/CoreSimulatorEngine.js')
const { AwsRequestImpl } = await load(inner + 'request/request.js')
const { RequestContextImpl } = await load(inner + 'requestContext.js')
const { normalizeSimulationParameters } = await load(inner + 'simulation_engine/simulationEngine.js')
const { DiscoveryContextKeyConstraints } = await load(
  inner + 'context_keys/discoveryContextKeyConstraints.js'
)
const { loadPolicy } = await load('iam-policy/dist/esm/index.js')

// What the engine would see of the context: it drops keys that the action does not have, and all
// values but the first of keys that it takes for single-valued.
async function altered(simulation, ignored) {
  const asked = JSON.stringify({ ...simulation, request: null }).toLowerCase()
  const dropped = ignored.find((key) => asked.includes(key.toLowerCase()))
  if (dropped) return `drops the key ${dropped}`
  for (const [key, value] of Object.entries(simulation.request.contextVariables)) {
    if (!Array.isArray(value) || value.length === 1 || ignored.includes(key)) continue
    const type = await engine.typeForContextKey(key.toLowerCase())
    if (!engine.isConditionKeyArray(type)) return `takes ${key} for single-valued`
  }
  return undefined
}

function firstMessage(details) {
  if (!details || typeof details !== 'object') return undefined
  return details.message ?? Object.values(details).map(firstMessage).find(Boolean)
}

async function answer(simulation) {
  const done = await engine.runSimulation(simulation, { simulationMode: 'Strict' })
  if (done.resultType === 'error') {
    const { message, ...details } = done.errors
    const first = firstMessage(details)
    return { refused: first ? `${message}: ${first}` : message }
  }
  const ignored = (done.result ?? done.results[0])?.ignoredContextKeys ?? []
  const why = await altered(simulation, ignored)
  return why ? { refused: why } : { result: done.overallResult }
}

// The core decides with policies parsed and keys sorted out beforehand; only the request is new.
async function speed(simulation, seconds) {
  const all = (policies) => policies.map((p) => loadPolicy(p.policy, { name: p.name }))
  const levels = (given) =>
    given.map((level) => ({ ...level, policies: all(level.policies) }))
  const { validContextValues } = await normalizeSimulationParameters(simulation, undefined)
  const { principal, action, resource } = simulation.request
  const parsed = {
    sessionPolicy: undefined,
    identityPolicies: all(simulation.identityPolicies),
    serviceControlPolicies: levels(simulation.serviceControlPolicies),
    resourceControlPolicies: levels(simulation.resourceControlPolicies),
    resourcePolicy: simulation.resourcePolicy && loadPolicy(simulation.resourcePolicy, {}),
    permissionBoundaries: undefined,
    vpcEndpointPolicies: undefined,
    simulationParameters: {
      simulationMode: 'Strict',
      discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([])
    },
    serviceSettings: { s3: {} }
  }
  const core = () =>
    authorize({
      ...parsed,
      request: new AwsRequestImpl(
        principal, resource, action, new RequestContextImpl(validContextValues), false
      )
    })
  const whole = () => engine.runSimulation(simulation, { simulationMode: 'Strict' })
  const results = [core().result, (await whole()).overallResult]
  if (results.some((result) => result !== 'Allowed')) return { refused: results.join() }
  return { runSimulation: await rate(seconds, whole), core: await rate(seconds, core) }
}

// Decisions per second of processor time, threads that compile and collect included.
async function rate(seconds, decide) {
  const until = async (limit) => {
    const start = process.cpuUsage()
    let count = 0
    for (;;) {
      for (let i = 0; i < 50; i++) {
        const made = decide()
        if (made instanceof Promise) await made
      }
      count += 50
      const used = process.cpuUsage(start)
      const passed = (used.user + used.system) / 1e6
      if (passed >= limit) return count / passed
    }
  }
  await until(seconds / 2) // for the compiler to warm up
  return until(seconds)
}

for await (const line of createInterface({ input: process.stdin })) {
  const { simulation, seconds } = JSON.parse(line)
  let reply
  try {
    reply = seconds ? await speed(simulation, seconds) : await answer(simulation)
  } catch (error) {
    reply = { refused: `fails: ${error.message}` }
  }
  process.stdout.write(JSON.stringify(reply) + '\n')
}
