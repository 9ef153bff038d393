/**
 * The host's temperature sensors, as /sys offers them: hardware monitors, or thermal zones where
 * there are none (both show the same sensor on many boards). Found once; a sensor that fails, or
 * takes so long that it would hold up the agent, is not asked again.
 */
import { readdirSync } from 'node:fs'
import { compareNames } from '../../../protocol/name-order.ts'
import type { TemperatureSample } from '../../../protocol/ports/telemetry.ts'
import { telemetryLimits } from '../limits.ts'
import type { ReadText } from './confinement.ts'
import { KeptFile } from './kept-file.ts'
import { number } from './scan-text.ts'

interface Sensor {
  name: string
  file: KeptFile
}

/** What an unplugged or broken sensor reports lies outside: -128, 255 and the like. */
const plausibleCelsius = { min: -60, max: 200 }

export class Thermometers {
  #sensors: Sensor[]
  #newest: TemperatureSample[] = []
  #readMs = Number.NEGATIVE_INFINITY

  constructor(read: ReadText, sys: string) {
    const monitors = hardwareMonitors(read, `${sys}/class/hwmon`)
    const found = monitors.length > 0 ? monitors : thermalZones(read, `${sys}/class/thermal`)
    this.#sensors = found.slice(0, telemetryLimits.sensorsMax)
  }

  /** The newest readings, no older than `temperatureIntervalMs`. */
  read(nowMs: number): TemperatureSample[] {
    if (nowMs - this.#readMs < telemetryLimits.temperatureIntervalMs) return this.#newest
    this.#readMs = nowMs
    this.#newest = []
    this.#sensors = this.#sensors.filter((sensor) => this.#ask(sensor))
    return this.#newest
  }

  close(): void {
    for (const { file } of this.#sensors) file.close()
  }

  /** False when the sensor is not worth asking again. */
  #ask({ name, file }: Sensor): boolean {
    const startedMs = performance.now()
    const celsius = parseMillidegrees(file.read())
    if (celsius !== undefined) this.#newest.push({ sensor: name, celsius })
    const answers = celsius !== undefined
    const quick = performance.now() - startedMs <= telemetryLimits.sensorReadMsMax
    if (!answers || !quick) file.close()
    return answers && quick
  }
}

export function parseMillidegrees(text: string | undefined): number | undefined {
  const millidegrees = number(text)
  if (millidegrees === undefined) return undefined
  const celsius = millidegrees / 1000
  return celsius > plausibleCelsius.min && celsius < plausibleCelsius.max ? celsius : undefined
}

function hardwareMonitors(read: ReadText, directory: string): Sensor[] {
  return namesIn(directory, /^hwmon\d+$/).flatMap((monitor) => {
    const path = `${directory}/${monitor}`
    const chip = read(`${path}/name`)?.trim() || monitor
    return namesIn(path, /^temp\d+_input$/).map((input) => {
      const channel = input.slice(0, -'_input'.length)
      const label = read(`${path}/${channel}_label`)?.trim() || channel
      return { name: `${chip} ${label}`, file: new KeptFile(`${path}/${input}`) }
    })
  })
}

function thermalZones(read: ReadText, directory: string): Sensor[] {
  return namesIn(directory, /^thermal_zone\d+$/).map((zone) => ({
    name: read(`${directory}/${zone}/type`)?.trim() || zone,
    file: new KeptFile(`${directory}/${zone}/temp`),
  }))
}

function namesIn(directory: string, pattern: RegExp): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => pattern.test(name))
      .sort(compareNames)
  } catch {
    return []
  }
}
