import { SystemEntropy } from '../../agent/ports/entropy.ts'
import { entropyContract } from './entropy.ts'

entropyContract('the host’s entropy', () => new SystemEntropy())
