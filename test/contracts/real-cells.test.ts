import { bashNursery } from '../../agent/ports/cells/nursery-bash.ts'
import { perlNursery } from '../../agent/ports/cells/nursery-perl.ts'
import { pythonNursery } from '../../agent/ports/cells/nursery-python.ts'
import { realCellsContract } from './real-cells.ts'

realCellsContract('the host’s cells, by Python', [pythonNursery])
realCellsContract('the host’s cells, by Perl', [perlNursery])
realCellsContract('the host’s cells, by Bash', [bashNursery])
realCellsContract('the host’s cells, started directly', [])
