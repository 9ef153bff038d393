/** What is said in letting hosts in, beside what hosts themselves say. */

/** To the key of a token, for whoever makes its text. */
export const aboutSwarmKey = 'swarm key for a join token'
