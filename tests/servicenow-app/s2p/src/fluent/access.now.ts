import '@servicenow/sdk/global'
import { Acl } from '@servicenow/sdk/core'
import { integration, viewer } from './roles.now'

Acl({
    '$id': Now.ID['acl cmn_cost_center.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'cmn_cost_center',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl cmn_cost_center.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'cmn_cost_center',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_fin_gl_account.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'sn_fin_gl_account',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_fin_gl_account.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'sn_fin_gl_account',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_gl_posting_imp read'],
    type: 'record',
    table: 'x_acme_tieline_gl_posting_imp',
    operation: 'read',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_gl_posting_imp create'],
    type: 'record',
    table: 'x_acme_tieline_gl_posting_imp',
    operation: 'create',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_gl_posting_imp delete'],
    type: 'record',
    table: 'x_acme_tieline_gl_posting_imp',
    operation: 'delete',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl x_acme_tieline_gl_posting read'],
    type: 'record',
    table: 'x_acme_tieline_gl_posting',
    operation: 'read',
    roles: [integration, viewer],
})

Acl({
    '$id': Now.ID['acl sn_fin_supplier.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'sn_fin_supplier',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_fin_supplier.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'sn_fin_supplier',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_shop_purchase_order.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'sn_shop_purchase_order',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_shop_purchase_order.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'sn_shop_purchase_order',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_shop_purchase_order_line.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'sn_shop_purchase_order_line',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_shop_purchase_order_line.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'sn_shop_purchase_order_line',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_shop_invoice.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'sn_shop_invoice',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_shop_invoice.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'sn_shop_invoice',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_shop_invoice_line.x_acme_tieline_source_key write'],
    type: 'record',
    table: 'sn_shop_invoice_line',
    field: 'x_acme_tieline_source_key',
    operation: 'write',
    roles: [integration],
})

Acl({
    '$id': Now.ID['acl sn_shop_invoice_line.x_acme_tieline_source_version write'],
    type: 'record',
    table: 'sn_shop_invoice_line',
    field: 'x_acme_tieline_source_version',
    operation: 'write',
    roles: [integration],
})
