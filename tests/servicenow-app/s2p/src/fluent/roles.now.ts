import '@servicenow/sdk/global'
import { Role } from '@servicenow/sdk/core'

export const integration = Role({
    name: 'x_acme_tieline.integration',
    description: 'For the user of the OAuth application that Tieline signs in with',
    containsRoles: ['import_transformer', 'sn_fcms_intg.integration_user'],
})

export const viewer = Role({ name: 'x_acme_tieline.viewer', description: 'Reads the records that Tieline delivers' })
