/** The version of this program, as peers and people see it. A test holds it to package.json. */
export const AGENT_VERSION = '0.1.0'
